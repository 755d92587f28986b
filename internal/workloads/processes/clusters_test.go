//go:build clusters

package processes

import (
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/mrmd/mrmd-python/internal/livetest"
)

// TestScalingGuide runs the cells of docs/scaling.md in order.
func TestScalingGuide(t *testing.T) {
	guide, err := os.ReadFile(filepath.Join("..", "..", "..", "docs", "scaling.md"))
	if err != nil {
		t.Fatal(err)
	}
	runtime := start(t, livetest.Options{})
	var printed strings.Builder
	_, rest, found := strings.Cut(string(guide), "```python\n")
	for found {
		var code string
		code, rest, _ = strings.Cut(rest, "```\n")
		printed.WriteString(cellIn(t, runtime, code))
		_, rest, found = strings.Cut(rest, "```python\n")
	}
	for _, want := range []string{
		"[0, 1, 4, 9, 16]\n[0, 1, 4, 9, 16]\n", "100% Completed", "\nsum: 328350\n", "166666500\n", "144\n",
		"[0, 1, 8, 27, 64]\n[0, 1, 3, 6]\n",
	} {
		if !strings.Contains(printed.String(), want) {
			t.Errorf("the cells did not print %q:\n%s", want, printed.String())
		}
	}
}

// TestKillEndsClusters: nothing of Dask and Ray is left, whatever sessions and groups
// their processes have made.
func TestKillEndsClusters(t *testing.T) {
	runtime := start(t, livetest.Options{})
	said := cellIn(t, runtime, `
import ray, psutil
from dask.distributed import Client, LocalCluster
ray.init(num_cpus=1, include_dashboard=False)
@ray.remote
class Holder:
    def hold(self): return 1
holder = Holder.remote(); assert ray.get(holder.hold.remote()) == 1
cluster = LocalCluster(n_workers=1, threads_per_worker=1, dashboard_address=None)
client = Client(cluster); assert client.submit(lambda: 2).result() == 2
print('\n' + ' '.join(f'{child.pid}:{child.name()}' for child in psutil.Process().children(recursive=True)))`)
	lines := strings.Split(strings.TrimSpace(said), "\n")
	children := strings.Fields(lines[len(lines)-1])
	if len(children) < 5 || !strings.Contains(said, "raylet") {
		t.Fatalf("the cell's processes are %q", children)
	}
	kill := exec.Command(os.Getenv("MRMD_TEST_BINARY"), "--kill", filepath.Base(filepath.Dir(runtime.Home)))
	kill.Env = runtime.Environment
	if output, err := kill.CombinedOutput(); err != nil {
		t.Fatalf("killing: %v\n%s", err, output)
	}
	for _, child := range children {
		text, name, _ := strings.Cut(child, ":")
		pid, err := strconv.Atoi(text)
		if err != nil {
			t.Fatal(err)
		}
		if !until(t, func() bool { return syscall.Kill(pid, 0) == syscall.ESRCH }) {
			t.Errorf("%s, process %d, is left", name, pid)
		}
	}
}
