package shown

import (
	"fmt"
	"os"
	"testing"
	"time"

	"github.com/mrmd/mrmd-python/internal/livetest"
)

// runtime is asked by every test; the cells of all tests share its namespace.
var runtime *livetest.Runtime

// cellLimit ends what waits in vain.
const cellLimit = 6 * time.Minute

func TestMain(m *testing.M) {
	ctx, cancel := limited()
	defer cancel()
	started, err := livetest.Start(ctx, livetest.Options{})
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(2)
	}
	runtime = started
	code := m.Run()
	if err := runtime.Stop(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = 2
	}
	os.Exit(code)
}
