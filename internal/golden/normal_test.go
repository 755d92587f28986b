package golden

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
)

// What no two runs have in common is made equal on both sides here, and nothing
// else: a difference between the runtimes belongs into docs/compatibility.md.

var (
	address      = regexp.MustCompile(`\b0x[0-9a-f]+\b`)
	timestamp    = regexp.MustCompile(`^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}\+00:00$`)
	wholeNumber  = regexp.MustCompile(`^\d+$`)
	cellNumber   = regexp.MustCompile(`\b(?:In|Out)\[(\d+)\]|<ipython-input-(\d+)-`)
	positionMark = regexp.MustCompile(`(?m)^ *[~^]+\n`)
	cellFrame    = regexp.MustCompile(`File "<ipython-input-n-[0-9a-f]+>", line (\d+)`)
	docstring    = regexp.MustCompile(`^body\.(docstring|documentation)$`)
	importLine   = regexp.MustCompile(`(?m)^(?:from (\w+)|import (.+))`)
)

// pandas 3 keeps texts in a type of their own, whose missing value is NaN: this
// is how the two print the recording's only table.
var tableOfPandas2 = strings.NewReplacer(
	"   a    b\n0  1    x\n1  2    y\n2  3  NaN",
	"   a     b\n0  1     x\n1  2     y\n2  3  None",
)

// varies are the facts whose value is chance, what of it is not, and the name
// that stands for it.
var varies = []struct {
	fact, value *regexp.Regexp
	placeholder string
}{
	{regexp.MustCompile(`^body\.(error\.)?duration$`), wholeNumber, "$MILLISECONDS"},
	{regexp.MustCompile(`^start\.timestamp$`), timestamp, "$TIME"},
	// How big a picture is depends on matplotlib and its fonts.
	{regexp.MustCompile(`^(body\.assets|asset)\[\d+\]\.size$`), regexp.MustCompile(`^[1-9]\d*$`), "$BYTES"},
	// What a module, class or function says of itself is another with each Python,
	// pandas and NumPy; where it begins the same, the same was described.
	{docstring, regexp.MustCompile(`^(?s:Two-dimensional, size-mutable, .*)$`), "$DATAFRAME_DOC"},
	{docstring, regexp.MustCompile(`^(?s:ndarray\(shape, .*)$`), "$NDARRAY_DOC"},
	{docstring, regexp.MustCompile(`^(?s:OS routines for NT or Posix .*)$`), "$OS_DOC"},
	{docstring, regexp.MustCompile(`^(?s:int\(\[x\]\) -> integer\n.*)$`), "$INT_DOC"},
	{docstring, regexp.MustCompile(`^(?s:Prints the values to a stream, .*|print\(value, .*)$`), "$PRINT_DOC"},
	{docstring, regexp.MustCompile(`^(?s:str\(object=''\) -> str\n.*)$`), "$STR_DOC"},
	// The recording was made with Debian's Python, the tests run with a venv's.
	{regexp.MustCompile(`^body\.environment\.virtualenv$`), regexp.MustCompile(`^(/usr|\$VIRTUALENV)$`), "$VIRTUALENV"},
}

// normalise makes a reply to a cell comparable. number is the cell's own number
// in the runtime that replied, 0 when it has none or it can't be known.
func (f facts) normalise(number int) {
	for name, is := range f {
		for _, chance := range varies {
			if chance.fact.MatchString(name) && chance.value.MatchString(is.value) {
				is = fact{isText: true, value: chance.placeholder}
			}
		}
		if is.isText {
			is.value = normaliseText(name, is.value, number)
		}
		f[name] = is
	}
}

func normaliseText(name, text string, number int) string {
	text = address.ReplaceAllString(text, "0x…")
	text = strings.ReplaceAll(text, fmt.Sprintf("<ipython-input-%d-", number), "<ipython-input-n-")
	if strings.HasSuffix(name, ".traceback") {
		// Python 3.10 marks no positions in a line, and 3.13 others than 3.11.
		text = positionMark.ReplaceAllString(text, "")
	}
	return tableOfPandas2.Replace(text)
}

// count replaces executionCount, which must be the cell's own number plus
// surplus, by what it says.
func (f facts) count(number, surplus int) {
	for _, name := range []string{"body.executionCount", "body.error.executionCount"} {
		if is, ok := f[name]; ok && is == (fact{value: strconv.Itoa(number + surplus)}) {
			f[name] = fact{isText: true, value: "n + 1"}
			if surplus == 0 {
				f[name] = fact{isText: true, value: "n"}
			}
		}
	}
}

// position replaces the line and the column of an error by names when they are
// right: the line is the one that the traceback names last in the cell, null when
// it names none, and the column is in that line. Python 3.10 has no columns except
// of syntax errors.
func (f facts) position(code string) {
	trace, failed := f["body.error.traceback"]
	if !failed {
		return
	}
	var named string
	line := "null"
	if frames := cellFrame.FindAllStringSubmatch(trace.value, -1); frames != nil {
		line = frames[len(frames)-1][1]
		number, _ := strconv.Atoi(line) // the pattern has digits only
		if lines := strings.Split(code, "\n"); 1 <= number && number <= len(lines) {
			named = lines[number-1]
		}
	}
	if f["body.error.line"] == (fact{value: line}) {
		f["body.error.line"] = fact{isText: true, value: "$LINE"}
	}
	is := f["body.error.column"].value
	column, err := strconv.Atoi(is)
	inLine := err == nil && column >= 1 && column <= len(named)+1
	unknown := is == "null" && (line == "null" || subject.python == "3.10" && !strings.Contains(f["body.error.type"].value, "SyntaxError"))
	if inLine || unknown {
		f["body.error.column"] = fact{isText: true, value: "$COLUMN"}
	}
}

// imports replaces the list of imported modules by a name when it lists what the
// lines of the code import.
func (f facts) imports(code string) {
	var modules []string
	for _, line := range importLine.FindAllStringSubmatch(code, -1) {
		for _, name := range strings.Split(line[1]+line[2], ",") {
			name, _, _ = strings.Cut(strings.Fields(name)[0], ".")
			modules = append(modules, strconv.Quote(name))
		}
	}
	if len(modules) > 0 && f["body.imports"] == (fact{value: "[" + strings.Join(modules, ",") + "]"}) {
		f["body.imports"] = fact{isText: true, value: "$IMPORTS"}
	}
}

// numberIn finds the number that a recorded cell ran under: requests that were
// left out of the recording moved the counter. 0 when the reply doesn't tell.
func (f facts) numberIn() int {
	for _, name := range f.names() {
		if found := cellNumber.FindStringSubmatch(f[name].value); found != nil {
			number, _ := strconv.Atoi(found[1] + found[2]) // digits, and one of the two is empty
			return number
		}
	}
	return 0
}

// placeholders put the recording's names in place of this machine's folders.
func (s *runtimeUnderTest) placeholders() *strings.Replacer {
	return strings.NewReplacer(
		s.assets, "$ASSETS",
		s.workingDirectory, "$CWD",
		s.home, "$HOME",
		s.sitePackages, "$SITE",
		s.standardLibrary, "$STDLIB",
		s.virtualenv+"/bin/python", "$PYTHON",
		s.virtualenv, "$VIRTUALENV",
	)
}
