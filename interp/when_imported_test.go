package interp

import "testing"

// What waits for a module to be imported leaves the import as it is.
func TestWhatWaitsForAnImport(t *testing.T) {
	result, _ := mustRun(t, `
import sys
from _mrmd import when_imported
seen = []
sys.modules.pop('this_is_there', None)
import pathlib
pathlib.Path('this_is_there.py').write_text('value = 1')
when_imported.call('this_is_there', lambda module: seen.append(module.value))
when_imported.call('no_such_module', seen.append)
import this_is_there
del sys.modules['this_is_there']
import this_is_there
when_imported.call('this_is_there', lambda module: seen.append('at once'))
try: import no_such_module
except ModuleNotFoundError as error: seen.append(str(error))
(seen, this_is_there.__spec__.origin.endswith('this_is_there.py'), [name for name in when_imported._actions if 'this' in name])`)
	if want := `([1, 'at once', "No module named 'no_such_module'"], True, [])`; result != want {
		t.Errorf("%s, want %s", result, want)
	}
}
