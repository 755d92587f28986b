// Package mcp offers a runtime to AI agents as tools of the Model Context Protocol
// (modelcontextprotocol.io), with the protocol's official Go SDK.
//
// Its tools ask a runtime over the MRMD Runtime Protocol, through whatever carries
// HTTP: the runtime's own handler in this process, or a connection. So an agent's
// cells go through the same queue, event log and sessions as everybody's. Called by
// cmd/mrmd-python; it imports nothing of this module.
package mcp
