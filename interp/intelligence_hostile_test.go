package interp

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/mrmd/mrmd-python/mrp"
)

// hostile are classes that count every time their code is called.
const hostile = `
import time
calls = []
def counted(name):
    def method(self, *arguments):
        calls.append(name)
        raise AssertionError(name)
    return method
class Trap:
    "A trap."
    kept = 1
    area = property(counted('area'))
    __getattr__ = counted('__getattr__')
    __getattribute__ = counted('__getattribute__')
    __eq__ = counted('__eq__')
    __hash__ = counted('__hash__')
    __bool__ = counted('__bool__')
    __iter__ = counted('__iter__')
    __call__ = counted('__call__')
    __str__ = counted('__str__')
    __getitem__ = counted('__getitem__')
    __class__ = property(counted('__class__'))
class Meta(type):
    __eq__ = counted('Meta.__eq__')
    __hash__ = counted('Meta.__hash__')
    __getattribute__ = counted('Meta.__getattribute__')
    __instancecheck__ = counted('Meta.__instancecheck__')
    __name__ = property(counted('Meta.__name__'))
class Strange(metaclass=Meta):
    pass
class Descriptor:
    def __get__(self, *a): calls.append('__get__'); return 1
class Plain:
    described = Descriptor()
    def __init__(self): self.inside = 1
    @property
    def area(self): calls.append('plain area'); return 1
trap, strange, plain = Trap(), Strange(), Plain()
holder = [trap, {'t': trap}]
`

func TestNothingOfTheUsersIsCalled(t *testing.T) {
	session := newSession(t, hostile)
	list := listVariables(t, mrp.VariablesQuestion{Session: session, ExcludePrivate: true})
	if !strings.Contains(variableNames(list), "trap") || !strings.Contains(variableNames(list), "strange") {
		t.Fatalf("variables are %s", variableNames(list))
	}
	for _, code := range []string{"trap", "trap.area", "trap.kept", "strange", "Strange", "Trap", "Trap.area",
		"plain.area", "plain.described", "plain.inside", "holder", "holder[0].kept", "holder[1]['t'].area", "plain.area.real"} {
		hoverEnd(t, session, code)
		inspect(t, session, code, 2)
		complete(t, session, code+".|")
		complete(t, session, code+"[|")
		complete(t, session, code+"['|")
		complete(t, session, code+"(|")
	}
	complete(t, session, "tr|")
	for _, path := range [][]string{{"trap"}, {"trap", "kept"}, {"strange"}, {"Strange"}, {"plain"}, {"holder"}, {"holder", "0"}} {
		variable(t, session, path[0], path[1:]...)
	}
	if got := text(hoverEnd(t, session, "plain.area").Value); got != "<not evaluated>" {
		t.Errorf("a property's value is %s", got)
	}
	if _, outcome := runIn(t, session, "assert calls == [], calls"); outcome.Error != nil {
		t.Errorf("called: %s", outcome.Error.Message)
	}
}

// TestLookingMakesNothing: some mappings make what is missing when they are asked.
func TestLookingMakesNothing(t *testing.T) {
	session := newSession(t, `
import collections, types
made = collections.defaultdict(list, a=[1])
proxy = types.MappingProxyType(made)
class Counting(collections.UserDict):
    def __missing__(self, key): self.data[key] = 1; return 1
counting = Counting(a=1)`)
	for _, name := range []string{"made", "proxy", "counting"} {
		variable(t, session, name, "a")
		for _, step := range []string{"zz", "5", "[0]", "zz#1"} {
			_, err := patient.Variable(mrp.VariableQuestion{Session: session, Name: name, Path: []string{step}})
			var missing *mrp.NoSuchVariable
			if !errors.As(err, &missing) {
				t.Errorf("%s[%q]: %v, want that there is no such variable", name, step, err)
			}
		}
		hoverEnd(t, session, name+"['zz']")
		inspect(t, session, name+"['zz']", 2)
		complete(t, session, name+"['zz'].|")
	}
	if _, outcome := runIn(t, session, "assert list(made) == list(counting) == ['a'], (made, counting)"); outcome.Error != nil {
		t.Errorf("looking made items: %s", outcome.Error.Message)
	}
}

// TestClassMethodsOfWhatIsNoFunction: Python up to 3.12 calls such a property.
func TestClassMethodsOfWhatIsNoFunction(t *testing.T) {
	session := newSession(t, `
calls = []
class Odd:
    made = classmethod(property(lambda kind: calls.append(1)))
    other = classmethod(3)
    @property
    def both(self): calls.append(2)
odd = Odd()
odd.__dict__['both'] = 5`)
	for _, name := range []string{"odd", "Odd"} {
		if labels := complete(t, session, name+".|").labels(); !slices.Contains(labels, "made") {
			t.Errorf("%s. has no made: %q", name, labels)
		}
		hoverEnd(t, session, name+".made")
		inspect(t, session, name+".other", 2)
		for _, child := range variable(t, session, name).Children {
			variable(t, session, name, child.Name)
		}
	}
	if _, outcome := runIn(t, session, "assert calls == []"); outcome.Error != nil {
		t.Error("the property was called")
	}
}

const slow = `
import time, threading
class Spinning:
    def __repr__(self):
        while True: pass
class Stubborn:
    until = False
    def __repr__(self):
        while not Stubborn.until:
            try:
                while not Stubborn.until: pass
            except BaseException: pass
class Raising:
    def __repr__(self): raise ValueError('no')
    def __len__(self): raise SystemExit
class Recursive:
    def __repr__(self): return repr(self)
class Lying:
    def __repr__(self): return 5
    def __len__(self): return -1
class Long:
    def __len__(self): return 10 ** 30
    def __repr__(self): return 'long' * 100000
class Length:
    def __len__(self): return 1 << 60
spinning, stubborn, raising, recursive, lying, long, length = Spinning(), Stubborn(), Raising(), Recursive(), Lying(), Long(), Length()
good = 'seen'
`

// TestUserCodeThatDoesNotComeBack has a list with such an object answered, with its
// type in place of its text, and others answered at once after it.
func TestUserCodeThatDoesNotComeBack(t *testing.T) {
	session := newSession(t, slow)
	list := listVariables(t, mrp.VariablesQuestion{Session: session, ExcludePrivate: true})
	want := map[string]string{
		"good": "'seen'", "raising": "<Raising: its repr raised ValueError>",
		"lying": "<Lying: its repr raised TypeError>", "recursive": "<Recursive: its repr recursed too deep>",
		"spinning": "<Spinning: its repr took too long>", "stubborn": "<Stubborn: its repr took too long>",
	}
	seen := 0
	for _, variable := range list.Variables {
		if expected, asked := want[variable.Name]; asked {
			seen++
			if variable.Value != expected && !strings.HasSuffix(variable.Value, "its repr took too long>") {
				t.Errorf("%s is %s, want %s", variable.Name, variable.Value, expected)
			}
		}
	}
	if seen != len(want) {
		t.Errorf("of the variables %s only %d were looked for", variableNames(list), seen)
	}
	if got := text(hoverEnd(t, session, "good").Value); got != "'seen'" {
		t.Errorf("hover says %s", got)
	}
	runHere(t, session, tracedCode)
	runHere(t, session, "Stubborn.until = True")
	runHere(t, session, tracedCode)
}

// tracedCode never ends on Python 3.11 while an exception is announced to a thread
// that does not take it.
const tracedCode = `
import sys
def traced(): return 1
sys.settrace(lambda *event: None)
try: traced()
finally: sys.settrace(None)
`

func TestUserCodeThatSleeps(t *testing.T) {
	session := newSession(t, `
import threading
class Sleeping:
    woken = threading.Event()
    def __repr__(self): Sleeping.woken.wait(); return 'woken'
sleeping = Sleeping()
good = 1`)
	for range 3 {
		answer, err := engine.Hover(context.Background(), mrp.HoverQuestion{Session: session, Code: "sleeping"})
		if err == nil {
			if got := text(read[hovered](t, answer, err).Value); got != "<Sleeping: its repr took too long>" {
				t.Errorf("hover says %s", got)
			}
		}
		if got := text(hoverEnd(t, session, "good").Value); got != "1" {
			t.Errorf("hover says %s", got)
		}
	}
	runHere(t, session, tracedCode)
	runHere(t, session, "Sleeping.woken.set()")
	runHere(t, session, tracedCode)
}

// TestContainersThatChange has a thread change containers, a module and a namespace
// between almost any two instructions of the code that looks at them.
func TestContainersThatChange(t *testing.T) {
	session := newSession(t, `
import collections, sys, threading
changing, queue, crowd, ring = {}, [], set(), collections.deque(maxlen=50)
class Thing: pass
thing, names, stop = Thing(), globals(), threading.Event()
def change():
    n = 0
    while not stop.is_set():
        n += 1
        changing[n] = n; crowd.add(n); queue.append(n); ring.append(n)
        names[f'made_{n % 100}'] = n; setattr(thing, f'made_{n % 100}', n)
        if n % 50 == 0: changing.clear(); crowd.clear(); queue.clear()
        if n % 7 == 0: names.pop(f'made_{(n * 3) % 100}', None); vars(thing).clear()
interval = sys.getswitchinterval()
sys.setswitchinterval(1e-6)
changer = threading.Thread(target=change)
changer.start()`)
	defer runHere(t, session, "stop.set(); changer.join(); sys.setswitchinterval(interval)")
	for range 15 {
		listVariables(t, mrp.VariablesQuestion{Session: session, ExcludePrivate: true})
		for _, name := range []string{"changing", "queue", "crowd", "ring", "thing"} {
			if got := variable(t, session, name); strings.HasPrefix(got.Value, "<") != (name == "thing") {
				t.Fatalf("%s: %s", name, got.Value)
			}
			if got := hoverEnd(t, session, name); !got.Found || strings.HasPrefix(text(got.Value), "<") != (name == "thing") {
				t.Fatalf("hover on %s: %s", name, text(got.Value))
			}
		}
		complete(t, session, "made|")
		complete(t, session, "thing.ma|")
		complete(t, session, "changing[|")
	}
}
