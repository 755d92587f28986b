package golden

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
)

// rule changes what 0.4.2 replied into what is expected here. It looks at our
// own reply only where the value is left open.
type rule func(expected, ours facts)

var ruleForm = regexp.MustCompile(`^(\S+(?:, \S+)*): (\w+)(?: (.+))?$`)

// verbs make a rule for the facts whose names match. The argument is what
// follows the verb.
var verbs = map[string]func(names, argument string) (rule, error){
	"drop":    dropRule,
	"replace": replaceRule,
	"is":      isRule,
	"like":    likeRule,
	"added":   addedRule,
	"gone":    goneRule,
	"repeats": repeatsRule,
}

// readRule reads one rule of the forms that docs/compatibility.md explains.
func readRule(text string) (rule, error) {
	for form, read := range wholeReplies {
		if argument, ok := strings.CutPrefix(text, form); ok {
			return read(argument)
		}
	}
	parts := ruleForm.FindStringSubmatch(text)
	if parts == nil {
		return nil, fmt.Errorf("%q is no rule: it needs the form NAMES: VERB ARGUMENT", text)
	}
	verb, ok := verbs[parts[2]]
	if !ok {
		return nil, fmt.Errorf("%q is no rule: there is no verb %q", text, parts[2])
	}
	read, err := verb(parts[1], parts[3])
	if err != nil {
		return nil, fmt.Errorf("rule %q: %w", text, err)
	}
	return read, nil
}

// namePattern matches the names of a list in which * stands for any text.
func namePattern(list string) *regexp.Regexp {
	names := strings.Split(list, ", ")
	for i, name := range names {
		names[i] = strings.ReplaceAll(regexp.QuoteMeta(name), `\*`, `.*`)
	}
	return regexp.MustCompile(`^(?:` + strings.Join(names, "|") + `)$`)
}

// dropRule takes what matches out of texts.
func dropRule(list, argument string) (rule, error) {
	pattern, err := readPattern(argument)
	if err != nil {
		return nil, err
	}
	return rewriteRule(namePattern(list), pattern, ""), nil
}

// replaceRule puts another text in the place of what matches.
func replaceRule(list, argument string) (rule, error) {
	at := strings.LastIndex(argument, "/ by ")
	if at < 0 {
		return nil, fmt.Errorf(`replace needs the form /PATTERN/ by "TEXT"`)
	}
	pattern, err := readPattern(argument[:at+1])
	if err != nil {
		return nil, err
	}
	replacement, err := jsontext.AppendUnquote(nil, argument[at+len("/ by "):])
	if err != nil {
		return nil, fmt.Errorf("the replacement is no JSON string: %w", err)
	}
	return rewriteRule(namePattern(list), pattern, string(replacement)), nil
}

func rewriteRule(names, pattern *regexp.Regexp, replacement string) rule {
	return func(expected, _ facts) {
		for name, is := range expected {
			if !is.isText || !names.MatchString(name) {
				continue
			}
			is.value = pattern.ReplaceAllString(is.value, replacement)
			expected[name] = is
			if stream, ok := strings.CutPrefix(name, "stream."); ok && is.value == "" {
				delete(expected, name)
				expected.withoutEvents(stream)
			}
		}
	}
}

// withoutEvents takes all events of one name out of the order of events.
func (f facts) withoutEvents(name string) {
	left := slices.DeleteFunc(strings.Fields(f["events"].value), func(event string) bool { return event == name })
	f["events"] = fact{isText: true, value: strings.Join(left, " ")}
}

// isRule gives facts that both sides have one JSON value.
func isRule(list, argument string) (rule, error) {
	names := namePattern(list)
	value, err := readFact(argument)
	if err != nil {
		return nil, err
	}
	return func(expected, _ facts) {
		for name := range expected {
			if names.MatchString(name) {
				expected[name] = value
			}
		}
	}, nil
}

// likeRule takes our value where it is a text or a number that matches as a whole.
func likeRule(list, argument string) (rule, error) {
	pattern, err := readPattern(argument)
	if err != nil {
		return nil, err
	}
	names, whole := namePattern(list), entire(pattern)
	return func(expected, ours facts) {
		for name, is := range ours {
			if _, both := expected[name]; both && names.MatchString(name) && whole.MatchString(is.value) {
				expected[name] = is
			}
		}
	}, nil
}

// addedRule expects facts that 0.4.2 does not have: with one JSON value, or with
// any.
func addedRule(list, argument string) (rule, error) {
	names := namePattern(list)
	value := func(ours fact) fact { return ours }
	if argument != "" {
		only, err := readFact(argument)
		if err != nil {
			return nil, err
		}
		value = func(fact) fact { return only }
	}
	return func(expected, ours facts) {
		for name, is := range ours {
			if _, both := expected[name]; !both && names.MatchString(name) {
				expected[name] = value(is)
			}
		}
	}, nil
}

// repeatsRule expects live events of one name that say what a list of the
// response says in the end.
func repeatsRule(event, list string) (rule, error) {
	if list == "" {
		return nil, fmt.Errorf("repeats needs the name of a list")
	}
	return func(expected, _ facts) {
		for name, is := range maps.Clone(expected) {
			if rest, ok := strings.CutPrefix(name, list+"["); ok {
				expected[event+"["+rest] = is
			}
		}
	}, nil
}

// goneRule expects that facts of 0.4.2 are missing.
func goneRule(list, argument string) (rule, error) {
	if argument != "" {
		return nil, fmt.Errorf("gone takes no argument")
	}
	names := namePattern(list)
	return func(expected, _ facts) {
		for name := range expected {
			if names.MatchString(name) {
				delete(expected, name)
			}
		}
	}, nil
}

func readPattern(text string) (*regexp.Regexp, error) {
	if len(text) < 2 || text[0] != '/' || text[len(text)-1] != '/' {
		return nil, fmt.Errorf("%q is no pattern: it stands between slashes", text)
	}
	return regexp.Compile(text[1 : len(text)-1])
}

// entire matches only what a pattern matches from its beginning to its end.
func entire(pattern *regexp.Regexp) *regexp.Regexp {
	return regexp.MustCompile(`\A(?:` + pattern.String() + `)\z`)
}

func readFact(text string) (fact, error) {
	value := jsontext.Value(text)
	if !value.IsValid() {
		return fact{}, fmt.Errorf("%q is no JSON value", text)
	}
	if value.Kind() == '"' {
		return fact{isText: true, value: unquoted(value)}, nil
	}
	return fact{value: text}, nil
}
