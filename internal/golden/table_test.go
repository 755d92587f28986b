package golden

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
)

// row is one row of a table in docs/compatibility.md: differences that have one
// reason.
type row struct {
	id    string
	lines selector
	rules []rule
	// place is where it stands, for messages.
	place string
}

// tableHead are the columns of the tables that are read; other tables are text.
var tableHead = []string{"Id", "0.4.2", "This runtime", "Why", "Replies", "As checked"}

// readRows reads the rows of all tables in a Markdown document.
func readRows(document string) ([]row, error) {
	var rows []row
	seen := map[string]string{}
	inTable := false
	for i, line := range strings.Split(document, "\n") {
		place := fmt.Sprintf("%s:%d", compatibilityFile, i+1)
		cells := cellsOf(line)
		switch {
		case cells == nil:
			inTable = false
		case strings.Join(cells, "|") == strings.Join(tableHead, "|"):
			inTable = true
		case !inTable || strings.Trim(line, "|- ") == "":
		default:
			read, err := readRow(cells)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", place, err)
			}
			if other, twice := seen[read.id]; twice {
				return nil, fmt.Errorf("%s: the id %s is taken by %s", place, read.id, other)
			}
			seen[read.id] = place
			read.place = place
			rows = append(rows, read)
		}
	}
	return rows, nil
}

// cellsOf gives the cells of a table's line, nil for any other line.
func cellsOf(line string) []string {
	line = strings.TrimSpace(line)
	if len(line) < 2 || line[0] != '|' || line[len(line)-1] != '|' {
		return nil
	}
	const escapedPipe = "\x00"
	line = strings.ReplaceAll(line[1:len(line)-1], `\|`, escapedPipe)
	cells := strings.Split(line, "|")
	for i, cell := range cells {
		cells[i] = strings.TrimSpace(strings.ReplaceAll(cell, escapedPipe, "|"))
	}
	return cells
}

var codeSpan = regexp.MustCompile("`` (.*?) ``|`([^`]*)`")

func readRow(cells []string) (read row, err error) {
	if len(cells) != len(tableHead) {
		return read, fmt.Errorf("%d cells instead of %d", len(cells), len(tableHead))
	}
	for i, cell := range cells {
		if cell == "" {
			return read, fmt.Errorf("the cell under %q is empty", tableHead[i])
		}
	}
	read.id = strings.Trim(cells[0], "`")
	if read.lines, err = readSelector(cells[4]); err != nil {
		return read, fmt.Errorf("row %s: %w", read.id, err)
	}
	for _, span := range codeSpan.FindAllStringSubmatch(cells[5], -1) {
		next, err := readRule(span[1] + span[2])
		if err != nil {
			return read, fmt.Errorf("row %s: %w", read.id, err)
		}
		read.rules = append(read.rules, next)
	}
	if len(read.rules) == 0 {
		return read, fmt.Errorf("row %s has no rule in its last cell", read.id)
	}
	return read, nil
}

// selector says which lines of the recording a row is about.
type selector struct {
	// named are lines that must all differ.
	named map[int]bool
	// group is a kind of line of which at least one must differ, or nil.
	group func(*exchange) bool
}

// groups are what a row may name instead of numbers; a path, such as /complete,
// stands for all requests to it and below it.
var groups = map[string]func(*exchange) bool{
	"executions": (*exchange).executes,
	"streams":    (*exchange).streams,
}

func readSelector(text string) (read selector, err error) {
	if group, ok := groups[text]; ok {
		return selector{group: group}, nil
	}
	if path, ok := strings.CutPrefix(strings.Trim(text, "`"), "/"); ok {
		path = "/mrp/v1/" + path
		return selector{group: func(e *exchange) bool {
			return e.Path == path || strings.HasPrefix(e.Path, path+"/")
		}}, nil
	}
	read.named = map[int]bool{}
	for _, part := range strings.Split(text, ",") {
		from, to, isRange := strings.Cut(strings.TrimSpace(part), "–")
		first, err := strconv.Atoi(from)
		if err != nil {
			return read, fmt.Errorf("%q names no lines of the recording: numbers, n–m, a path, executions or streams", text)
		}
		last := first
		if isRange {
			if last, err = strconv.Atoi(to); err != nil || last <= first {
				return read, fmt.Errorf("%q is no range of lines", part)
			}
		}
		for line := first; line <= last; line++ {
			if read.named[line] {
				return read, fmt.Errorf("line %d comes twice in %q", line, text)
			}
			read.named[line] = true
		}
	}
	return read, nil
}

func (s selector) has(e *exchange) bool {
	if s.group != nil {
		return s.group(e)
	}
	return s.named[e.line]
}
