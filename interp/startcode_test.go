package interp

import (
	"os"
	"testing"
	"time"

	"github.com/mrmd/mrmd-python/interp/codecache"
)

func TestAStartIsRememberedForTheNext(t *testing.T) {
	for _, err := os.Stat(engine.start.path); err != nil; _, err = os.Stat(engine.start.path) {
		time.Sleep(time.Millisecond)
	}
	modules, err := codecache.Read(engine.start.path, engine.start.key, nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"IPython.core.interactiveshell", "traitlets", "_mrmd.cell", bootstrapModule} {
		found := false
		for _, module := range modules {
			found = found || module.Name == name
		}
		if !found {
			t.Errorf("%s is not among the %d modules that are remembered", name, len(modules))
		}
	}
	result, _ := mustRun(t, "import sys\n[finder for finder in sys.meta_path if type(finder).__name__ == 'RememberedFinder']")
	if result != "[]" {
		t.Errorf("the user's imports are looked for in %s", result)
	}
}
