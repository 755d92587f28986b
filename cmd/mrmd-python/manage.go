package main

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/mrmd/mrmd-python/daemonize"
	"github.com/mrmd/mrmd-python/registry"
)

const (
	// lastWords is how many lines of its log --info shows of a runtime.
	lastWords = 40
	// traceLines is how many lines may hold what a runtime wrote when it crashed: the
	// traces of all its threads.
	traceLines = 2000
)

// crashMarks begin the first line of what Python and Go write when they crash.
var crashMarks = []string{"Fatal Python error:", "fatal error:", "panic:", "SIG"}

// list shows all runtimes.
func list(asJSON bool) error {
	store, err := openRegistry()
	if err != nil {
		return err
	}
	entries, problems, err := store.List()
	if err != nil {
		return err
	}
	for _, problem := range problems {
		warn(problem)
	}
	if asJSON {
		return listJSON(entries)
	}
	if len(entries) == 0 {
		fmt.Print("No runtimes running\n\nStart one with: mrmd-python\n")
		return nil
	}
	const row = "%-20s %-8s %-10s %-8s %s\n"
	fmt.Printf(row, "ID", "STATUS", "PID", "PORT", "URL")
	fmt.Println(strings.Repeat("-", 80))
	for _, entry := range entries {
		status := "DEAD"
		if entry.Alive() {
			status = "ALIVE"
		}
		fmt.Printf(row, entry.ID, status, numberOrDash(entry.PID), numberOrDash(entry.Port), textOrDash(entry.URL))
	}
	return nil
}

func listJSON(entries []registry.Entry) error {
	list := []jsontext.Value{}
	for _, entry := range entries {
		shown, err := withMembers(entry, member{"alive", entry.Alive()})
		if err != nil {
			return err
		}
		list = append(list, shown)
	}
	return printJSON(list)
}

func numberOrDash(number int) string {
	if number == 0 {
		return "-"
	}
	return strconv.Itoa(number)
}

func textOrDash(text string) string {
	if text == "" {
		return "-"
	}
	return text
}

// info shows one runtime: its entry, whether it lives, and the end of its log; of a
// dead one also how it ended.
func info(id string) error {
	store, entry, err := find(id)
	if err != nil {
		return notFound(err, fmt.Sprintf("Runtime '%s' not found", id))
	}
	alive := entry.Alive()
	added := []member{{"alive", alive}}
	log, lines, err := logOf(store, entry)
	if err != nil {
		return err
	}
	if !alive {
		added = append(added, member{"ended", registry.HowEnded(entry, lines, crashMarks)})
	}
	lines = withoutCStack(lines)
	lines = lines[max(0, len(lines)-lastWords):]
	shown, err := withMembers(entry, append(added, member{"log", log}, member{"lastLines", lines})...)
	if err != nil {
		return err
	}
	return printJSON(shown)
}

// withoutCStack leaves out what Python writes of C functions after its own trace, from
// 3.14 on: the log has it, and the last lines are to say where the code was.
func withoutCStack(lines []string) []string {
	from := slices.IndexFunc(lines, func(line string) bool {
		return strings.HasPrefix(line, "Current thread's C stack trace")
	})
	if from < 0 {
		return lines
	}
	length := slices.Index(lines[from:], "")
	if length < 0 {
		length = len(lines) - from
	}
	return slices.Concat(lines[:from], lines[from+length:])
}

// logOf gives the path of a runtime's log and what it wrote there.
func logOf(store *registry.Store, entry registry.Entry) (path string, lines []string, err error) {
	path, err = store.LogPath(entry.ID)
	if err != nil {
		return "", nil, err
	}
	lines, err = daemonize.LastLines(path, traceLines)
	return path, append([]string{}, registry.LinesOfRun(entry, lines)...), err
}

// find gives the entry of a runtime that the user names.
func find(id string) (*registry.Store, registry.Entry, error) {
	store, err := openRegistry()
	if err != nil {
		return nil, registry.Entry{}, err
	}
	entry, err := store.Get(id)
	return store, entry, err
}

// notFound answers that there is no such runtime, when that is what err says.
func notFound(err error, answer string) error {
	var problem registry.Problem
	switch {
	case errors.As(err, &problem):
		warn(problem)
	case !errors.Is(err, registry.ErrNotFound):
		return err
	}
	fmt.Println(answer)
	return errAnswered
}

// member is a name and a value in a JSON object.
type member struct {
	name  string
	value any
}

// withMembers is the entry as it stands in its file, with members added.
func withMembers(entry registry.Entry, added ...member) (jsontext.Value, error) {
	object := map[string]jsontext.Value{}
	var names []string
	decoder := jsontext.NewDecoder(strings.NewReader(string(entry.Raw)), jsontext.AllowInvalidUTF8(true))
	if _, err := decoder.ReadToken(); err != nil {
		return nil, fmt.Errorf("reading the entry of %q: %w", entry.ID, err)
	}
	for decoder.PeekKind() == '"' {
		name, err := decoder.ReadToken()
		if err != nil {
			return nil, fmt.Errorf("reading the entry of %q: %w", entry.ID, err)
		}
		text := name.String()
		value, err := decoder.ReadValue()
		if err != nil {
			return nil, fmt.Errorf("reading the entry of %q: %w", entry.ID, err)
		}
		if text == "token" {
			// A secret is not for a terminal's history; who asks can read the file.
			added = append(added, member{"hasToken", string(value) != `""`})
			continue
		}
		names = append(names, text)
		object[text] = value.Clone()
	}
	for _, extra := range added {
		value, err := json.Marshal(extra.value, jsontext.AllowInvalidUTF8(true))
		if err != nil {
			return nil, fmt.Errorf("showing the entry of %q: %w", entry.ID, err)
		}
		if _, there := object[extra.name]; !there {
			names = append(names, extra.name)
		}
		object[extra.name] = value
	}
	var shown strings.Builder
	encoder := jsontext.NewEncoder(&shown, jsontext.AllowInvalidUTF8(true))
	err := encoder.WriteToken(jsontext.BeginObject)
	for _, name := range names {
		err = errors.Join(err, encoder.WriteToken(jsontext.String(name)), encoder.WriteValue(object[name]))
	}
	if err = errors.Join(err, encoder.WriteToken(jsontext.EndObject)); err != nil {
		return nil, fmt.Errorf("showing the entry of %q: %w", entry.ID, err)
	}
	return jsontext.Value(shown.String()), nil
}

func printJSON(value any) error {
	text, err := json.Marshal(value, jsontext.WithIndent("  "), jsontext.AllowInvalidUTF8(true))
	if err != nil {
		return fmt.Errorf("showing it as JSON: %w", err)
	}
	_, err = fmt.Fprintf(os.Stdout, "%s\n", text)
	return err
}
