package interp

import "testing"

// The tests' own start is one that is remembered, so modules were deferred in it. They
// are what they would be without that.
func TestDeferredModulesAreWholeWhenTheyAreUsed(t *testing.T) {
	result, _ := mustRun(t, `
import json, logging.config, queue, sys, IPython.display, IPython.core.interactiveshell as used, traitlets.config.application as configured
from _mrmd import deferred
deferred.settle()
(type(json).__name__, type(queue.Queue()).__name__, "HTML" in dir(IPython.display),
 used.PrefilterManager is get_ipython().prefilter_manager.__class__, configured.dictConfig is logging.config.dictConfig,
 [name for name, (_, taken) in deferred._waiting.items() if taken],
 [(name, key) for name, module in list(sys.modules.items()) if isinstance(module, type(sys)) for key, value in list(vars(module).items()) if type(value) is deferred.StandIn])`)
	if want := `('module', 'Queue', True, True, True, [], [])`; result != want {
		t.Errorf("deferred modules: %s, want %s", result, want)
	}
}

const deferSomething = `
import importlib.machinery, importlib.util, os, sys, tempfile, types
from _mrmd import deferred
def defer(name, text, **taken):
    "Import a module as a start does, with the names that its importers take."
    folder = tempfile.mkdtemp()
    path = os.path.join(folder, name + ".py")
    with open(path, "w") as file:
        file.write(text)
    deferred.NAMES_TAKEN[name] = taken
    spec = importlib.util.spec_from_file_location(name, path)
    spec.loader = deferred.Loader(spec.loader)
    sys.modules[name] = module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
def is_waiting(module):
    return module.__class__ is deferred.DeferredModule
`

func TestModuleIsLoadedWhenItIsUsed(t *testing.T) {
	for name, test := range map[string]struct{ code, want string }{
		"an attribute": {
			`m = defer("late_a", "value = 1")
import late_a
before = is_waiting(m)
from late_a import value
before, value, is_waiting(m), m.__file__.endswith("late_a.py")`, "(True, 1, False, True)",
		},
		"names of it, which go on waiting": {
			`m = defer("late_b", "def double(x, /): return 2 * x\nclass Kind: pass", double=None, Kind=None)
from late_b import double, Kind as renamed
importer = types.ModuleType("importer_of_late_b"); sys.modules["importer_of_late_b"] = importer
importer.double, importer.renamed = double, renamed
before = is_waiting(m)
answer = double(21)
class Derived(renamed): pass
before, answer, is_waiting(m), importer.double is m.double, importer.renamed is m.Kind, Derived.__mro__[1] is m.Kind, isinstance(m.Kind(), renamed)`,
			"(True, 42, False, True, True, True, True)",
		},
		"a name that is to be had elsewhere": {
			`m = defer("late_c", "from os.path import join", join="os.path")
from late_c import join
join is os.path.join, is_waiting(m)`, "(True, True)",
		},
		"what is set": {
			`m = defer("late_d", "value = 1")
m.value = 2
m.value`, "2",
		},
		"what is deleted": {
			`m = defer("late_e", "value = 1")
del m.value
hasattr(m, "value"), is_waiting(m)`, "(False, False)",
		},
		"its names": {
			`m = defer("late_f", "value = 1")
"value" in dir(m), "value" in vars(m)`, "(True, True)",
		},
		"itself, meanwhile": {
			`m = defer("late_g", "import late_g, sys\nsys.modules[__name__].own = 3\nhas = hasattr(late_g, 'later')\nlater = 1")
m.own, m.has, m.later`, "(3, False, 1)",
		},
		"by threads at once": {
			`import threading, time
m = defer("late_h", "import time\nfirst = 1\ntime.sleep(0.05)\nlast = 2")
found = []
def ask(): found.append(m.last)
threads = [threading.Thread(target=ask) for _ in range(8)]
[t.start() for t in threads]; [t.join() for t in threads]
found`, "[2, 2, 2, 2, 2, 2, 2, 2]",
		},
		"again after it failed": {
			`m = defer("late_i", "import sys\nsys.failures.append(1)\nif len(sys.failures) == 1: raise OSError('not yet')\nvalue = 3", value=None)
sys.failures = []
from late_i import value
try:
    value.real
except OSError as error:
    said = str(error)
said, m.value.real, len(sys.failures)`, "('not yet', 3, 2)",
		},
		"reloaded": {
			`import importlib
m = defer("late_j", "value = 1")
sys.path.insert(0, os.path.dirname(m.__file__))
importlib.reload(m)
sys.path.pop(0)
m.value`, "1",
		},
	} {
		t.Run(name, func(t *testing.T) {
			result, _ := mustRun(t, deferSomething+test.code)
			if result != test.want {
				t.Errorf("%s gives %s, want %s", test.code, result, test.want)
			}
		})
	}
}

// What a cell imports is loaded before the cell runs.
func TestDeferredModuleOfACell(t *testing.T) {
	if result, _ := mustRun(t, deferSomething+`type(defer("late_k", "")).__name__, is_waiting(sys.modules["late_k"])`); result != "('module', True)" {
		t.Errorf("a module that waits is %s", result)
	}
	if result, _ := mustRun(t, "import late_k as imported, types\ntype(imported) is types.ModuleType"); result != "True" {
		t.Errorf("it waits still")
	}
}

// While a start makes classes, traitlets finds the same descriptors in them as ever, and
// after it by its own means.
func TestDescriptorsOfClassesAreFoundAsTraitletsFindsThem(t *testing.T) {
	result, _ := mustRun(t, `
import inspect, traitlets.traitlets as T
from _mrmd.fast_traitlets import Finder
class Shadowed(T.HasTraits):
    a = T.Int(); b = T.Unicode()
    @T.observe("a")
    def changed(self, change): pass
class Shadowing(Shadowed):
    a = None
    def changed(self, change): pass
    c = T.List()
class Mixed(Shadowing, T.HasTraits):
    b = T.Int()
kinds, waiting = [], [T.HasDescriptors]
while waiting:
    kind = waiting.pop()
    kinds.append(kind)
    waiting += [each for each in type.__subclasses__(kind) if each not in kinds and each not in waiting]
finder, different = Finder(T.BaseDescriptor), []
for kind in kinds:
    found = [(name, value) for name, value in T.getmembers(kind) if isinstance(value, T.BaseDescriptor)]
    if finder.members(kind) != found or finder.names(kind) != [name for name, _ in found]:
        different.append(kind)
len(kinds) > 60, different, hasattr(T, "dir"), inspect.getmodule(T.getmembers) is T`)
	if want := `(True, [], False, True)`; result != want {
		t.Errorf("descriptors: %s, want %s", result, want)
	}
}

// What is made when it is asked for is then as if it had been there from the start.
func TestLatePartsOfAShell(t *testing.T) {
	result, _ := mustRun(t, `
import IPython
from IPython.core.oinspect import Inspector
shell = get_ipython()
made = type(shell)(parent=shell.parent, user_module=None)
names = "InteractiveTB SyntaxTB inspector pycolorize".split()
class Own(Exception): pass
def handle(shell, kind, value, tb, tb_offset=None): print("handled")
made.set_custom_exc((Own,), handle)
before = [name for name in names if name in vars(made)]
same = [getattr(made, name) is getattr(made, name) for name in names]
kept = made.custom_exceptions == (Own,) and made.CustomTB.__name__, made.InteractiveTB.mode == made.xmode
made.call_pdb = True
kept, same, made.InteractiveTB.call_pdb, type(made.inspector) is Inspector, made.inspector_class is Inspector, hasattr(made, "no_such_part"), IPython.version_info[0] < 9 or before == []`)
	if want := `(('wrapped', True), [True, True, True, True], True, True, True, False, True)`; result != want {
		t.Errorf("late parts: %s, want %s", result, want)
	}
}

// A history's database is opened for what is asked of it, and by whoever asks first.
func TestHistoryIsOpenedWhenItIsAskedFor(t *testing.T) {
	result, _ := mustRun(t, `
import threading
from IPython.core.history import HistoryManager
from traitlets.config import Config
from _mrmd.history import UnopenedHistory
shell = get_ipython()
def make(**options):
    made = UnopenedHistory(shell=shell, parent=shell, **options)
    made.db_cache_size = 10
    made.store_inputs(1, "first = 1")
    return made
waiting = make()
before = type(waiting), waiting.input_hist_raw, len(waiting.db_input_cache)
found = []
threads = [threading.Thread(target=lambda: found.append(waiting.session_number)) for _ in range(4)]
[t.start() for t in threads]; [t.join() for t in threads]
after = type(waiting) is HistoryManager, len(set(found)), waiting.save_thread.is_alive()
waiting.writeout_cache()
stored = list(waiting.get_range(waiting.session_number, raw=True))[0][2], [row[2] for row in waiting._run_sql("WHERE session==?", (found[0],))]
waiting.end_session()
unopened, kept = make(), shell.history_manager
shell.history_manager = unopened
try:
    shell.make_configurables()
finally:
    shell.history_manager = kept
after += (type(unopened) is HistoryManager,)
unopened.end_session()
disabled = UnopenedHistory(shell=shell, config=Config({"HistoryManager": {"enabled": False}}))
before[0] is UnopenedHistory, before[1:], after, stored, disabled.enabled, disabled.save_thread, list(disabled.search("*"))`)
	if want := `(True, (['', 'first = 1'], 1), (True, 1, True, True), ('first = 1', ['first = 1']), False, None, [])`; result != want {
		t.Errorf("history: %s, want %s", result, want)
	}
}

// The formatters of plain results are made for what needs them, and asked once they are
// there: made by who registers with one of them, or wanted by the configuration.
func TestFormattersAreMadeWhenTheyAreNeeded(t *testing.T) {
	result, _ := mustRun(t, `
from traitlets.config import Config
from _mrmd import display as displays
def made(**sections):
    return displays.Formatter(config=Config(sections))
plain = made()
before = displays._represent(plain, 1), displays._represent(plain, [1]), "formatters" in plain._trait_values
class Page:
    def _repr_html_(self): return "<b>"
rich = displays._represent(plain, Page())[1]["text/html"], "formatters" in plain._trait_values
registered = []
for name in ("ipython_display_formatter", "mimebundle_formatter"):
    one = made()
    getattr(one, name).for_type(int, lambda value: registered.append(value))
    displays._represent(one, 7)
html = made()
html.formatters["text/html"].for_type(int, lambda value: f"<i>{value}")
configured = made(PlainTextFormatter={"float_precision": 2})
before, rich, registered, displays._represent(html, 7)[1]["text/html"], displays._represent(configured, 1 / 3)[0]`)
	if want := `((('1', {}, {}), ('[1]', {}, {}), False), ('<b>', True), [7, 7], '<i>7', '0.33')`; result != want {
		t.Errorf("formatters: %s, want %s", result, want)
	}
}
