package mrp

import (
	"bytes"
	"cmp"
	"errors"
	"net/http"
	"regexp"
	"slices"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/julienschmidt/httprouter"
)

const (
	maxCursor         = 1 << 31
	maxListed         = 1_000_000
	maxValueLength    = 10_000_000
	maxPatternLength  = 1000
	maxViewRows       = 10_000
	defaultChildren   = 100
	defaultValueChars = 1000
	defaultEntries    = 20
	defaultViewRows   = 100
)

// intelligence gives what answers about live objects, or the answer that nothing
// does.
func (h *Handler) intelligence() (Intelligence, error) {
	found, ok := h.engine.(Intelligence)
	if !ok {
		return nil, notFound("this runtime has no code intelligence; see features in %s/capabilities", pathPrefix)
	}
	return found, nil
}

// positionRequest is a place in code.
type positionRequest struct {
	session string
	code    string
	cursor  *int
	detail  int
}

func (h *Handler) decodePosition(r *http.Request) (positionRequest, error) {
	var (
		code, session  optional[string]
		cursor, detail optional[int]
	)
	err := h.decode(r, func(f field) error {
		switch f.name {
		case "code":
			return f.text(&code)
		case "session":
			return f.text(&session)
		case "cursor":
			return f.position(&cursor, maxCursor)
		case "detail":
			return f.whole(&detail, 0, 2)
		}
		return nil
	})
	if err != nil {
		return positionRequest{}, err
	}
	if !code.set {
		return positionRequest{}, missingField("code", "the text that the cursor is in")
	}
	position := positionRequest{code: code.value, detail: detail.or(1)}
	if cursor.set {
		position.cursor = &cursor.value
	}
	position.session, err = h.knownSession(session)
	return position, err
}

// knownSession gives the session a request names, or why there is none.
func (h *Handler) knownSession(session optional[string]) (string, error) {
	name := cmp.Or(session.value, DefaultSession)
	return name, h.sessions.check(name)
}

func (h *Handler) serveComplete(w http.ResponseWriter, r *http.Request, _ httprouter.Params) error {
	asked, engine, err := h.position(r)
	if err != nil {
		return err
	}
	answer, err := engine.Complete(r.Context(), CompleteQuestion{asked.session, asked.code, asked.cursor})
	return answerQuestion(w, answer, err)
}

func (h *Handler) serveHover(w http.ResponseWriter, r *http.Request, _ httprouter.Params) error {
	asked, engine, err := h.position(r)
	if err != nil {
		return err
	}
	answer, err := engine.Hover(r.Context(), HoverQuestion{asked.session, asked.code, asked.cursor})
	return answerQuestion(w, answer, err)
}

func (h *Handler) serveInspect(w http.ResponseWriter, r *http.Request, _ httprouter.Params) error {
	asked, engine, err := h.position(r)
	if err != nil {
		return err
	}
	answer, err := engine.Inspect(r.Context(), InspectQuestion{asked.session, asked.code, asked.cursor, asked.detail})
	return answerQuestion(w, answer, err)
}

func (h *Handler) position(r *http.Request) (positionRequest, Intelligence, error) {
	engine, err := h.intelligence()
	if err != nil {
		return positionRequest{}, nil, err
	}
	asked, err := h.decodePosition(r)
	return asked, engine, err
}

func (h *Handler) serveVariables(w http.ResponseWriter, r *http.Request, _ httprouter.Params) error {
	engine, err := h.intelligence()
	if err != nil {
		return err
	}
	var (
		session, pattern optional[string]
		excludePrivate   optional[bool]
		limit, offset    optional[int]
		types            optional[[]string]
	)
	err = h.decode(r, func(f field) error {
		switch f.name {
		case "session":
			return f.text(&session)
		case "limit":
			return f.whole(&limit, 0, maxListed)
		case "offset":
			return f.whole(&offset, 0, maxListed)
		case "filter":
			return f.members(func(f field) error {
				switch f.name {
				case "types":
					return f.texts(&types)
				case "namePattern":
					return f.text(&pattern)
				case "excludePrivate":
					return f.boolean(&excludePrivate)
				}
				return nil
			})
		}
		return nil
	})
	if err != nil {
		return err
	}
	if err := checkPattern(pattern.value); err != nil {
		return err
	}
	question := VariablesQuestion{
		Types:          types.value,
		NamePattern:    pattern.value,
		ExcludePrivate: excludePrivate.or(true),
		Offset:         offset.value,
	}
	if limit.set {
		question.Limit = &limit.value
	}
	if question.Session, err = h.knownSession(session); err != nil {
		return err
	}
	answer, err := engine.Variables(r.Context(), question)
	return answerQuestion(w, answer, err)
}

func checkPattern(pattern string) error {
	if len(pattern) > maxPatternLength {
		return invalidRequest("\"filter.namePattern\" must have at most %d bytes, not %d", maxPatternLength, len(pattern))
	}
	if _, err := regexp.Compile(pattern); err != nil {
		return invalidRequest("\"filter.namePattern\" is no regular expression in RE2's syntax: %v", err)
	}
	return nil
}

func (h *Handler) serveVariable(w http.ResponseWriter, r *http.Request, params httprouter.Params) error {
	engine, err := h.intelligence()
	if err != nil {
		return err
	}
	var (
		session                      optional[string]
		path                         optional[[]string]
		children, valueChars, offset optional[int]
		view                         *TableView
	)
	err = h.decode(r, func(f field) error {
		switch f.name {
		case "session":
			return f.text(&session)
		case "path":
			return f.texts(&path)
		case "maxChildren":
			return f.whole(&children, 0, maxListed)
		case "maxValueLength":
			return f.whole(&valueChars, 0, maxValueLength)
		case "offset":
			return f.whole(&offset, 0, 1<<52)
		case "view":
			var err error
			view, err = f.tableView()
			return err
		}
		return nil
	})
	if err != nil {
		return err
	}
	question := VariableQuestion{
		Name:           params.ByName("name"),
		Path:           path.value,
		Offset:         offset.value,
		MaxChildren:    children.or(defaultChildren),
		MaxValueLength: valueChars.or(defaultValueChars),
		View:           view,
	}
	if question.Session, err = h.knownSession(session); err != nil {
		return err
	}
	answer, err := engine.Variable(r.Context(), question)
	return answerQuestion(w, answer, err)
}

func (h *Handler) serveFormat(w http.ResponseWriter, r *http.Request, _ httprouter.Params) error {
	engine, err := h.intelligence()
	if err != nil {
		return err
	}
	var code optional[string]
	err = h.decode(r, func(f field) error {
		if f.name == "code" {
			return f.text(&code)
		}
		return nil
	})
	if err != nil {
		return err
	}
	if !code.set {
		return missingField("code", "the text to format")
	}
	answer, err := engine.Format(r.Context(), FormatQuestion{code.value})
	return answerQuestion(w, answer, err)
}

func (h *Handler) serveHistory(w http.ResponseWriter, r *http.Request, _ httprouter.Params) error {
	engine, err := h.intelligence()
	if err != nil {
		return err
	}
	var (
		session, pattern optional[string]
		count, before    optional[int]
	)
	err = h.decode(r, func(f field) error {
		switch f.name {
		case "session":
			return f.text(&session)
		case "pattern":
			return f.text(&pattern)
		case "n":
			return f.whole(&count, 0, maxListed)
		case "before":
			return f.whole(&before, 0, 1<<52)
		}
		return nil
	})
	if err != nil {
		return err
	}
	if len(pattern.value) > maxPatternLength {
		return invalidRequest("\"pattern\" must have at most %d bytes, not %d", maxPatternLength, len(pattern.value))
	}
	question := HistoryQuestion{Count: count.or(defaultEntries), Pattern: pattern.value}
	if before.set {
		question.Before = &before.value
	}
	if question.Session, err = h.knownSession(session); err != nil {
		return err
	}
	answer, err := engine.History(r.Context(), question)
	return answerQuestion(w, answer, err)
}

// answerQuestion answers with what the engine says, stale or not.
func answerQuestion(w http.ResponseWriter, answer Answer, err error) error {
	var (
		missing *NoSuchVariable
		refused *BadQuestion
	)
	switch {
	case errors.As(err, &missing):
		return notFound("%s", missing.Message)
	case errors.As(err, &refused):
		return invalidRequest("%s", refused.Message)
	case errors.Is(err, ErrBusy):
		return runtimeBusy("the running code does not let Python be asked: ask again in a moment")
	case err != nil:
		return internal("the question could not be answered: %v", err)
	}
	body := []byte(answer.JSON)
	if answer.Stale {
		// The engine's JSON is an object with members.
		body = append([]byte(`{"stale":true,`), bytes.TrimPrefix(body, []byte("{"))...)
	}
	writeJSON(w, http.StatusOK, body)
	return nil
}

// texts takes an array of strings; numbers in it stand for their own text.
func (f field) texts(into *optional[[]string]) error {
	if f.raw.Kind() == 'n' {
		*into = optional[[]string]{}
		return nil
	}
	list := []string{}
	err := f.items(func(item field) error {
		if item.raw.Kind() == '0' {
			list = append(list, string(item.raw))
			return nil
		}
		var text optional[string]
		if item.raw.Kind() != '"' {
			return item.wrongType("a string or a number")
		}
		err := item.text(&text)
		list = append(list, text.value)
		return err
	})
	*into = optional[[]string]{list, true}
	return err
}

// items calls each for the items of an array.
func (f field) items(each func(field) error) error {
	if f.raw.Kind() != '[' {
		return f.wrongType("an array")
	}
	decoder := jsontext.NewDecoder(bytes.NewReader(f.raw), jsontext.AllowDuplicateNames(true))
	if _, err := decoder.ReadToken(); err != nil {
		return notJSON(err)
	}
	for decoder.PeekKind() != ']' {
		value, err := decoder.ReadValue()
		if err != nil {
			return notJSON(err)
		}
		item := field{name: f.name, full: cmp.Or(f.full, f.name) + "[]", raw: slices.Clone(value)}
		if err := each(item); err != nil {
			return err
		}
	}
	return nil
}

// tableView reads the page of a table a client wants; nil for null.
func (f field) tableView() (*TableView, error) {
	if f.raw.Kind() == 'n' {
		return nil, f.object()
	}
	view := &TableView{Rows: [2]int{0, defaultViewRows}}
	var (
		columns optional[[]string]
		filter  optional[string]
	)
	err := f.members(func(f field) error {
		switch f.name {
		case "rows":
			return f.rows(&view.Rows)
		case "columns":
			return f.texts(&columns)
		case "filter":
			return f.text(&filter)
		case "sort":
			return f.sortKeys(&view.Sort)
		}
		return nil
	})
	view.Columns, view.Filter = columns.value, filter.value
	return view, err
}

func (f field) rows(into *[2]int) error {
	if f.raw.Kind() == 'n' {
		return nil
	}
	var rows []int
	err := f.items(func(item field) error {
		var row optional[int]
		item.name = item.full
		err := item.whole(&row, 0, 1<<52)
		rows = append(rows, row.value)
		return err
	})
	if err != nil {
		return err
	}
	if len(rows) != 2 || rows[0] > rows[1] {
		return invalidRequest("\"view.rows\" must be [from, to], the first row and the one after the last")
	}
	if rows[1]-rows[0] > maxViewRows {
		return invalidRequest("\"view.rows\" may span at most %d rows, not %d: ask for a page", maxViewRows, rows[1]-rows[0])
	}
	*into = [2]int{rows[0], rows[1]}
	return nil
}

// sortKeys takes names of columns, "-name" for descending, and objects like
// {"column": "name", "descending": true}.
func (f field) sortKeys(into *[]SortKey) error {
	if f.raw.Kind() == 'n' {
		return nil
	}
	return f.items(func(item field) error {
		var (
			column     optional[string]
			descending optional[bool]
			err        error
		)
		if item.raw.Kind() == '"' {
			err = item.text(&column)
			if name, found := strings.CutPrefix(column.value, "-"); found {
				column.value, descending.value = name, true
			}
		} else {
			err = item.members(func(member field) error {
				switch member.name {
				case "column":
					return member.text(&column)
				case "descending":
					return member.boolean(&descending)
				}
				return nil
			})
		}
		*into = append(*into, SortKey{column.value, descending.value})
		return err
	})
}
