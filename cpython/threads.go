package cpython

import "C"

import "runtime/metrics"

//export mrmdGoThreads
func mrmdGoThreads() C.long {
	// Go's documentation: "live threads that are owned by the Go runtime".
	threads := []metrics.Sample{{Name: "/sched/threads/total:threads"}}
	metrics.Read(threads)
	if threads[0].Value.Kind() != metrics.KindUint64 {
		return 0
	}
	return C.long(threads[0].Value.Uint64())
}
