package golden

import (
	"fmt"
	"maps"
	"regexp"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
)

// wholeReplies are the rules that put another kind of reply in the place of the
// recorded one, by how they begin.
var wholeReplies = map[string]func(argument string) (rule, error){
	"reply: ":         errorReplyRule,
	"cell: fails ":    failsRule,
	"cell: succeeds ": succeedsRule,
}

var (
	errorReplyForm = regexp.MustCompile(`^(4\d\d) (\w+)$`)
	failsForm      = regexp.MustCompile(`^(\w+) (".*")$`)
)

// errorReplyRule expects the protocol's error answer.
func errorReplyRule(argument string) (rule, error) {
	parts := errorReplyForm.FindStringSubmatch(argument)
	if parts == nil {
		return nil, fmt.Errorf("%q is no error reply: it needs the form STATUS CODE", argument)
	}
	return func(expected, ours facts) {
		clear(expected)
		expected["status"] = fact{value: parts[1]}
		expected.setTexts(map[string]string{
			"type": jsonType, "body.error": parts[2], "body.message": "(a text that says what to do)",
		})
		if message := ours["body.message"]; message.isText && message.value != "" {
			expected["body.message"] = message
		}
	}, nil
}

// failsRule expects that a cell ends with an exception: its type, its message,
// and a traceback of user code that says so. Whatever was recorded besides, the
// text of the streams is expected to stay.
func failsRule(argument string) (rule, error) {
	parts := failsForm.FindStringSubmatch(argument)
	if parts == nil {
		return nil, fmt.Errorf(`%q is no failure: it needs the form TYPE "MESSAGE"`, argument)
	}
	message, err := jsontext.AppendUnquote(nil, parts[2])
	if err != nil {
		return nil, fmt.Errorf("the message is no JSON string: %w", err)
	}
	return func(expected, ours facts) {
		if order, streamed := expected["events"]; streamed {
			maps.DeleteFunc(expected, isAnswerMember)
			order.value = strings.Replace(order.value, "result", "error", 1)
			expected["events"] = order
		} else {
			expected.setEnded(false)
			expected["body.result"] = fact{value: "null"}
		}
		delete(expected, "body.error")
		expected.setTexts(map[string]string{
			"body.error.type":      parts[1],
			"body.error.message":   string(message),
			"body.error.traceback": "(one that ends with the type and the message)",
		})
		last := parts[1] + ": " + string(message)
		if len(message) == 0 {
			last = parts[1]
		}
		trace := ours["body.error.traceback"]
		if trace.isText && (trace.value == last+"\n" || strings.HasSuffix(trace.value, "\n"+last+"\n")) {
			expected["body.error.traceback"] = trace
		}
		expected["body.error.line"] = fact{value: "null"}
		expected["body.error.column"] = fact{value: "null"}
	}, nil
}

// isAnswerMember says whether a fact is of the execute response and not of the
// error in it.
func isAnswerMember(name string, _ fact) bool {
	return strings.HasPrefix(name, "body.") && !strings.HasPrefix(name, "body.error.")
}

// succeedsRule expects that a cell that failed for 0.4.2 ends with a result.
func succeedsRule(argument string) (rule, error) {
	result, err := readFact(argument)
	if err != nil {
		return nil, err
	}
	return func(expected, _ facts) {
		maps.DeleteFunc(expected, func(name string, _ fact) bool { return strings.HasPrefix(name, "body.error") })
		expected["body.error"] = fact{value: "null"}
		expected["body.result"] = result
		expected.setEnded(true)
		if order, streamed := expected["events"]; streamed {
			order.value = strings.Replace(order.value, "error", "result", 1)
			expected["events"] = order
			expected.setTexts(map[string]string{
				"body.stdout": expected["stream.stdout"].value,
				"body.stderr": expected["stream.stderr"].value,
			})
		}
	}, nil
}

// setEnded expects what every execute response has. What of it 0.4.2 answered
// stays.
func (f facts) setEnded(success bool) {
	if _, isCell := f["body.success"]; !isCell {
		if _, streamed := f["events"]; !streamed {
			clear(f)
			f.setTexts(map[string]string{"type": jsonType, "body.stdout": "", "body.stderr": ""})
		}
		f["status"] = fact{value: "200"}
		f.setTexts(map[string]string{"body.duration": "$MILLISECONDS", "body.executionCount": "n"})
		f["body.displayData.length"] = fact{value: "0"}
		f["body.assets.length"] = fact{value: "0"}
		f["body.imports"] = fact{value: "[]"}
	}
	f["body.success"] = fact{value: fmt.Sprint(success)}
}

func (f facts) setTexts(texts map[string]string) {
	for name, text := range texts {
		f[name] = fact{isText: true, value: text}
	}
}
