package interp

import "testing"

// What the shell gives without IPython's transformers is what they give.
func TestPlainCodeIsRecognisedAndNothingElse(t *testing.T) {
	result, _ := mustRun(t, `
from IPython.core.interactiveshell import InteractiveShell
from IPython.core.macro import Macro
shell = get_ipython()
a_macro = Macro('1 + 1\n')
samples = [
    '1+1', 'x = 5', 'x = 5\n\n', 'a = 7 % 3', "print('%d' % 3)", 'a != 3', 'if 1:\n    x = 2\n', 'f"{1!r}"',
    'def f(a,\n      b):\n  return a\n', '"""doc\n  %not magic\n"""', 'x = [1\n , 2]', 'ls = 3', 'a;b', '1;',
    '%who', '  %who', '!echo', '!!echo', 'x?', '?x', 'x??', 'a = %who_ls', 'a = !ls', 'a =!ls', 'a = \\\n %who_ls',
    '%%time\n1', '%%bash\nls', 'who', 'who int', 'ls', 'ls -l', 'pwd', 'cd', 'exit', 'exit()', 'quit', 'a_macro', 'a_macro + 1',
    '>>> 1+1', '>>> for i in x:\n...   i', 'In [3]: 1+1', '\n\nx = 1', '\n\n%%time\n1', '\nls', '\n\n  x = 1', '\n>>> 1+1', '   x = 1', '\tx = 1\n\ty = 2', ',f a b', ';f a b', '/f a',
    'x = 1 # PYTHON-MODE', 'x.y', 'x.y = 1', 'time.sleep', 'time 1', '# comment', '# comment?', 'x = "?"', 'await x', '[ins] 3',
    'x = 1\r\ny = 2\r\n', 'x = 1\x0cy', 'é = 1', '', '\n', ' ', 'alias', 'alias x y', 'import os', 'import os\n%who', 'a\n?b', '...',
    'x = lambda: 3\nx?', 'try:\n  1\nexcept: pass', 'precision', 'precision 3', '@property\ndef f(): ...', '*a, b = 1, 2', 'a*', 'o*?',
]
wrong = []
for sample in samples:
    ours = theirs = None
    # Where IPython's own removes empty lines, ours keeps the lines' numbers.
    kept = '\n' * (len(sample) - len(sample.lstrip('\n'))) if sample.strip() else ''
    try: ours = shell.transform_cell(sample)
    except SyntaxError as error: ours = repr(error)
    try: theirs = kept + InteractiveShell.transform_cell(shell, sample)
    except SyntaxError as error: theirs = repr(error)
    if ours != theirs: wrong.append((sample, ours, theirs))
recognised = [sample for sample in samples if shell._recogniser.is_plain(sample)]
(wrong, len(recognised) > 20, '%who' in recognised)`)
	if result != "([], True, False)" {
		t.Errorf("(wrong, enough recognised, a magic recognised) is %s", result)
	}
}

func TestUsersOwnTransformersAreAsked(t *testing.T) {
	mustRun(t, "def shout(lines): return [line.replace('LOUD', 'len') for line in lines]\nget_ipython().input_transformers_cleanup.append(shout)")
	result, _ := mustRun(t, "LOUD('abc')")
	mustRun(t, "get_ipython().input_transformers_cleanup.remove(shout)")
	if result != "3" {
		t.Errorf("result %s", result)
	}
}

func TestUsersOwnPrefiltersAreAsked(t *testing.T) {
	session := newSession(t, "before = '_standard_prefilters' in vars(get_ipython())")
	runHere(t, session, `
assert not before, 'a plain cell made the prefilter manager'
from IPython.core.prefilter import PrefilterTransformer
class Shout(PrefilterTransformer):
    def transform(self, line, continue_prompt): return line.replace('LOUD', 'len')
shout = Shout(shell=get_ipython(), prefilter_manager=get_ipython().prefilter_manager)`)
	runHere(t, session, "size = LOUD('abc')")
	runHere(t, session, "assert size == 3; assert 'run_line_magic' in get_ipython().prefilter('%pwd')")
}
