package golden

import (
	"fmt"
	"maps"
	"strings"
	"testing"
)

var replayed bool

// TestRepliesOf042 replays the recording and compares.
func TestRepliesOf042(t *testing.T) {
	if replayed {
		t.Fatal("a runtime keeps the execIds it has seen, so it takes the recording once: run with -count=1")
	}
	replayed = true
	rows, err := readRows(compatibility)
	if err != nil {
		t.Fatal(err)
	}
	run := &replay{client: newClient(), ctx: limited(t), open: map[string]*openStream{}, cells: map[string]int{}}
	used := newUsage(rows)
	for _, sent := range recording {
		reply, number, err := run.reply(sent)
		if err != nil {
			t.Fatalf("line %d (%s): %v", sent.line, sent.Name, err)
		}
		was, err := recordedFacts(&sent)
		if err != nil {
			t.Fatalf("line %d of the recording: %v", sent.line, err)
		}
		is, err := ourFacts(&sent, reply, number)
		if err != nil {
			t.Errorf("line %d (%s): %v", sent.line, sent.Name, err)
			continue
		}
		expected := used.apply(&sent, was, is)
		if differences := compare(was, expected, is); differences != nil {
			t.Errorf("line %d (%s): the reply to %s differs, and no row of %s says so:\n%s",
				sent.line, sent.Name, sent.Path, compatibilityFile, strings.Join(differences, "\n"))
		}
	}
	for _, stale := range used.stale() {
		t.Error(stale)
	}
}

// recordedFacts is what 0.4.2 replied, ready to be compared.
func recordedFacts(e *exchange) (facts, error) {
	was, err := factsOf(e.recorded())
	if err != nil {
		return nil, err
	}
	if code := e.cell().Code; code != nil && e.executes() {
		number := was.numberIn()
		surplus := 1
		if strings.TrimSpace(*code) == "" {
			surplus = 0
		}
		if number == 0 {
			// Only executionCount itself tells: nothing is known to check it with.
			fmt.Sscan(was["body.executionCount"].value, &number)
			number -= surplus
		}
		was.count(number, surplus)
		was.normalise(number)
		return was, nil
	}
	was.normalise(0)
	return was, nil
}

// ourFacts is what this runtime replied, ready to be compared.
func ourFacts(sent *exchange, reply answer, number int) (facts, error) {
	is, err := factsOf(reply)
	if err != nil {
		return nil, err
	}
	names := subject.placeholders()
	for name, said := range is {
		said.value = names.Replace(said.value)
		is[name] = said
	}
	is.count(number, 0)
	is.normalise(number)
	if code := sent.cell().Code; code != nil {
		is.position(*code)
		is.imports(*code)
	}
	return is, nil
}

// compare tells what our reply says otherwise than expected. was is 0.4.2's
// reply, for the reader of the message.
func compare(was, expected, is facts) []string {
	var differences []string
	both := maps.Clone(expected)
	maps.Copy(both, is)
	for _, name := range both.names() {
		wanted, isWanted := expected[name]
		got, isThere := is[name]
		if isWanted == isThere && wanted == got {
			continue
		}
		recorded, wasThere := was[name]
		text := fmt.Sprintf("  %s\n    here:     %s\n    0.4.2:    %s", name, shown(got, isThere), shown(recorded, wasThere))
		if wasThere != isWanted || recorded != wanted {
			text += "\n    expected: " + shown(wanted, isWanted)
		}
		differences = append(differences, text)
	}
	return differences
}

func shown(f fact, isThere bool) string {
	if !isThere {
		return "(nothing)"
	}
	return f.String()
}

// usage remembers which rows made a difference, and on which lines.
type usage struct {
	rows []row
	hits []map[int]bool
}

func newUsage(rows []row) *usage {
	u := &usage{rows: rows, hits: make([]map[int]bool, len(rows))}
	for i := range u.hits {
		u.hits[i] = map[int]bool{}
	}
	return u
}

// apply gives what the rows make of 0.4.2's reply. The rules apply in the order
// of the document.
func (u *usage) apply(sent *exchange, was, is facts) facts {
	expected := maps.Clone(was)
	for i, row := range u.rows {
		if !row.lines.has(sent) {
			continue
		}
		before := maps.Clone(expected)
		for _, change := range row.rules {
			change(expected, is)
		}
		if !maps.Equal(before, expected) {
			u.hits[i][sent.line] = true
		}
	}
	return expected
}

// stale tells of rows, and lines that rows name, that make no difference.
func (u *usage) stale() []string {
	var messages []string
	for i, row := range u.rows {
		if row.lines.group != nil && len(u.hits[i]) == 0 {
			messages = append(messages, fmt.Sprintf("%s: row %s covers no difference any more: delete it", row.place, row.id))
		}
		for line := range row.lines.named {
			if !u.hits[i][line] {
				messages = append(messages, fmt.Sprintf("%s: row %s covers no difference in line %d any more: take the number out", row.place, row.id, line))
			}
		}
	}
	return messages
}
