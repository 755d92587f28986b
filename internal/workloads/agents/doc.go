// Package agents drives a runtime as an AI agent does, with the Model Context
// Protocol's own client. Only tests are in it.
package agents
