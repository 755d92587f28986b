// Package workloads holds what people run in notebooks: the packages under it put
// real libraries through the real binary, with one Python. Only tests are in them,
// and of this module they may import internal/livetest alone.
package workloads
