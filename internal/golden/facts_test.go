package golden

import (
	"bytes"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// fact is one thing a reply says: a text, or any other JSON value as it is
// written.
type fact struct {
	isText bool
	value  string
}

// String shows a text in quotes, as JSON does.
func (f fact) String() string {
	if !f.isText {
		return f.value
	}
	quoted, _ := jsontext.AppendQuote(nil, f.value) // invalid UTF-8 shows as U+FFFD
	return string(quoted)
}

// facts are all that a reply says, by the names that docs/compatibility.md uses:
//
//	status                 the HTTP status
//	type                   the media type
//	text                   a body that is neither JSON nor events
//	body.stdout            a member of a JSON body, of a `result` event's data
//	body.error.line        or of an `error` event's
//	body.assets.length     how many, then body.assets[0].url
//	body.variables.names   the items of a list that have names, in order, then
//	body.variables[x].type by their names
//	events                 the events' names; consecutive ones of one stream are one
//	stream.stdout          the `content` of all stdout events
//	start.execId           a member of another event's data: start, done;
//	stdin_request[0].prompt   numbered are stdin_request, display, asset
type facts map[string]fact

// names gives the facts' names in order.
func (f facts) names() []string {
	names := make([]string, 0, len(f))
	for name := range f {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// factsOf takes a reply apart. The error says what no client could read.
func factsOf(reply answer) (facts, error) {
	found := facts{
		"status": {value: fmt.Sprint(reply.status)},
		"type":   {isText: true, value: reply.contentType},
	}
	switch {
	case reply.contentType == eventStreamType:
		return found, found.addEvents(reply.body)
	case reply.contentType == jsonType && len(reply.body) > 0:
		return found, found.add("body", reply.body)
	default:
		found["text"] = fact{isText: true, value: string(reply.body)}
		return found, nil
	}
}

// lists are the members whose value is a list of plain values, one fact each.
var lists = []string{"imports", "languages", "keys", "shape", "methods", "attributes"}

func (f facts) add(name string, value jsontext.Value) error {
	last := name[strings.LastIndexByte(name, '.')+1:]
	switch kind := value.Kind(); {
	case kind == '{':
		return f.addMembers(name, value)
	case kind == '[' && last == "traceback":
		var lines []string
		if err := json.Unmarshal(value, &lines); err != nil {
			return fmt.Errorf("%s is no list of lines: %w", name, err)
		}
		f[name] = fact{isText: true, value: strings.Join(lines, "")}
	case kind == '[' && !slices.Contains(lists, last):
		return f.addItems(name, value)
	case kind == '"':
		f[name] = fact{isText: true, value: unquoted(value)}
	default:
		compact := value.Clone()
		if err := compact.Compact(); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		f[name] = fact{value: string(compact)}
	}
	return nil
}

func (f facts) addMembers(name string, value jsontext.Value) error {
	var members map[string]jsontext.Value
	if err := json.Unmarshal(value, &members); err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	for member, inner := range members {
		if err := f.add(name+"."+member, inner); err != nil {
			return err
		}
	}
	return nil
}

func (f facts) addItems(name string, value jsontext.Value) error {
	var items []jsontext.Value
	if err := json.Unmarshal(value, &items); err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	f[name+".length"] = fact{value: fmt.Sprint(len(items))}
	keys, named := itemNames(items)
	if named {
		f[name+".names"] = fact{isText: true, value: strings.Join(keys, " ")}
	}
	for i, item := range items {
		if err := f.add(fmt.Sprintf("%s[%s]", name, keys[i]), item); err != nil {
			return err
		}
	}
	return nil
}

// itemNames gives what the items of a list are told apart by: the names or labels
// of variables, children and completions, when each has its own, so that one item
// more doesn't make those behind it others; else their numbers.
func itemNames(items []jsontext.Value) (keys []string, named bool) {
	named = len(items) > 0
	for _, item := range items {
		var said struct {
			Name  string `json:"name"`
			Label string `json:"label"`
		}
		// An item that is no object, or has a name of another type, has no name.
		_ = json.Unmarshal(item, &said)
		key := said.Name + said.Label
		named = named && key != "" && !slices.Contains(keys, key)
		keys = append(keys, key)
	}
	if !named {
		for i := range keys {
			keys[i] = strconv.Itoa(i)
		}
	}
	return keys, named
}

func (f facts) addEvents(body []byte) error {
	reader := newEventReader(bytes.NewReader(body))
	var names []string
	count := map[string]int{}
	so := map[string]string{}
	for number := 1; ; number++ {
		read, err := reader.next()
		if err == io.EOF {
			f["events"] = fact{isText: true, value: strings.Join(names, " ")}
			for stream, text := range so {
				f["stream."+stream] = fact{isText: true, value: text}
			}
			return nil
		}
		if err == nil {
			err = checkNumber(read, number)
		}
		if err != nil {
			return err
		}
		if n := len(names); n == 0 || names[n-1] != read.name || !isStream(read.name) {
			names = append(names, read.name)
		}
		if isStream(read.name) {
			err = addText(so, read)
		} else {
			err = f.add(factName(read.name, count), read.data)
		}
		if err != nil {
			return err
		}
	}
}

// checkNumber finds fault with an event whose id, if it has one, is not its place
// in the stream, or whose seq says otherwise.
func checkNumber(read event, number int) error {
	var data struct {
		Seq int `json:"seq"`
	}
	if err := json.Unmarshal(read.data, &data); err != nil {
		return fmt.Errorf("a %s event: %w", read.name, err)
	}
	if read.id != "" && (read.id != strconv.Itoa(number) || data.Seq != number) {
		return fmt.Errorf("event %d, %s, has the id %s and the seq %d", number, read.name, read.id, data.Seq)
	}
	return nil
}

func isStream(name string) bool { return name == "stdout" || name == "stderr" }

// factName says under which name an event's data is kept. What executing gives
// has one name whether it was asked for as a stream or not.
func factName(event string, count map[string]int) string {
	switch event {
	case "result":
		return "body"
	case "error":
		return "body.error"
	case "start", "done":
		return event
	}
	count[event]++
	return fmt.Sprintf("%s[%d]", event, count[event]-1)
}

// addText appends what a stdout or stderr event says to the stream so far. How
// text is divided into events is chance; that `accumulated` repeats all of it is
// not.
func addText(so map[string]string, read event) error {
	var data struct {
		Content     *string `json:"content"`
		Accumulated *string `json:"accumulated"`
	}
	if err := json.Unmarshal(read.data, &data); err != nil {
		return fmt.Errorf("a %s event: %w", read.name, err)
	}
	if data.Content == nil || data.Accumulated == nil {
		return fmt.Errorf("a %s event lacks content or accumulated: %s", read.name, read.data)
	}
	so[read.name] += *data.Content
	if so[read.name] != *data.Accumulated {
		return fmt.Errorf("a %s event's accumulated is not what came so far: %q instead of %q",
			read.name, *data.Accumulated, so[read.name])
	}
	return nil
}
