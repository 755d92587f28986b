package processes

import (
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/mrmd/mrmd-python/internal/livetest"
)

// TestKubernetesManifest parses the manifest of docs/scaling.md and checks what the
// guide says of it, against a runtime where that can be.
func TestKubernetesManifest(t *testing.T) {
	manifest, err := filepath.Abs(filepath.Join("..", "..", "..", "docs", "kubernetes.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	got := cell(t, `
import http.client, yaml
documents = list(yaml.safe_load_all(open(`+strconv.Quote(manifest)+`)))
print([document['kind'] for document in documents])
deployment, service, policy = documents
[container] = deployment['spec']['template']['spec']['containers']
[port] = container['ports']
labels = deployment['spec']['template']['metadata']['labels']
print(labels == deployment['spec']['selector']['matchLabels'] == service['spec']['selector'] == policy['spec']['podSelector']['matchLabels'])
print(container['resources']['limits'])
for kind in ('startupProbe', 'readinessProbe', 'livenessProbe'):
    get = container[kind]['httpGet']
    [header] = get['httpHeaders']
    host = header['value'].replace(str(port['containerPort']), '`+portOf(t, shared)+`')
    connection = http.client.HTTPConnection('127.0.0.1', `+portOf(t, shared)+`)
    connection.request('GET', get['path'], headers={header['name']: host})
    print(kind, get['port'] == port['name'], connection.getresponse().status)
`)
	want := `['Deployment', 'Service', 'NetworkPolicy']
True
{'memory': '16Gi', 'nvidia.com/gpu': 1}
startupProbe True 200
readinessProbe True 200
livenessProbe True 200
`
	if got != want {
		t.Errorf("printed\n%s\nwant\n%s", got, want)
	}
}

// TestGPU looks for what a killed runtime holds of the device, where there is one.
func TestGPU(t *testing.T) {
	smi, err := exec.LookPath("nvidia-smi")
	if err != nil {
		t.Skip("no nvidia-smi: that nothing holds a GPU after --kill is not checked on this machine")
	}
	runtime := start(t, livetest.Options{})
	cellIn(t, runtime, `
import ctypes
cuda = ctypes.CDLL('libcuda.so.1')
context = ctypes.c_void_p()
assert cuda.cuInit(0) == 0 and cuda.cuCtxCreate_v2(ctypes.byref(context), 0, 0) == 0`)
	kill := exec.Command(os.Getenv("MRMD_TEST_BINARY"), "--kill", filepath.Base(filepath.Dir(runtime.Home)))
	kill.Env = runtime.Environment
	if output, err := kill.CombinedOutput(); err != nil {
		t.Fatalf("killing: %v\n%s", err, output)
	}
	holders, err := exec.Command(smi, "--query-compute-apps=pid", "--format=csv,noheader").Output()
	if err != nil {
		t.Fatal(err)
	}
	for _, holder := range strings.Fields(string(holders)) {
		if holder == strconv.Itoa(runtime.Process.Pid) {
			t.Errorf("process %s holds the device still", holder)
		}
	}
}
