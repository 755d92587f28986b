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
	missingText  = regexp.MustCompile(`(?m)^(2  3 +)(?:None|NaN)$`)
)

// variesIn are the facts whose value is chance, what of it is not, and the name
// that stands for it.
var varies = []struct {
	fact, value *regexp.Regexp
	placeholder string
}{
	{regexp.MustCompile(`^body\.(error\.)?duration$`), wholeNumber, "$MILLISECONDS"},
	{regexp.MustCompile(`^start\.timestamp$`), timestamp, "$TIME"},
	// How big a picture is depends on matplotlib and its fonts.
	{regexp.MustCompile(`^(body\.assets|asset)\[\d+\]\.size$`), regexp.MustCompile(`^[1-9]\d*$`), "$BYTES"},
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
	// pandas 3 keeps texts in a type of their own, whose missing value is NaN.
	// The two are as wide in a column of four.
	return missingText.ReplaceAllString(text, "${1}(missing)")
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
