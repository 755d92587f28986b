package golden

import (
	"maps"
	"strings"
	"testing"
)

// aReply is what the tests of the rules change.
func aReply() facts {
	return facts{
		"status":              {value: "200"},
		"events":              {isText: true, value: "start stdout result done"},
		"stream.stdout":       {isText: true, value: "Out[1]: 2\n"},
		"body.stdout":         {isText: true, value: "Out[1]: 2\n"},
		"body.result":         {isText: true, value: "2"},
		"body.error":          {value: "null"},
		"body.assets.length":  {value: "1"},
		"body.assets[0].size": {value: "5"},
	}
}

func TestRules(t *testing.T) {
	text := func(value string) *fact { return &fact{isText: true, value: value} }
	plain := func(value string) *fact { return &fact{value: value} }
	for rule, expected := range map[string]map[string]*fact{
		`body.stdout: drop /Out\[\d\]: /`:                   {"body.stdout": text("2\n")},
		`stream.*: drop /(?s).*/`:                           {"stream.stdout": nil, "events": text("start result done")},
		`body.result, body.stdout: replace /2/ by "\u00e9"`: {"body.result": text("é"), "body.stdout": text("Out[1]: é\n")},
		`body.result: is null`:                              {"body.result": plain("null")},
		`body.none: is 1`:                                   {},
		`body.assets[0].size: like /\d/`:                    {"body.assets[0].size": plain("7")},
		`body.assets[0].size: like /\d\d/`:                  {},
		`body.more: like /.*/`:                              {},
		`body.more: added`:                                  {"body.more": text("ours")},
		`body.more: added "theirs"`:                         {"body.more": text("theirs")},
		`body.result: added`:                                {},
		`body.assets*: gone`:                                {"body.assets.length": nil, "body.assets[0].size": nil},
		`asset: repeats body.assets`:                        {"asset[0].size": plain("5")},
		`cell: fails KeyError "1"`: {
			"events": text("start stdout error done"), "body.stdout": nil, "body.result": nil, "body.error": nil,
			"body.assets.length": nil, "body.assets[0].size": nil,
			"body.error.type": text("KeyError"), "body.error.message": text("1"), "body.error.line": plain("null"),
			"body.error.column": plain("null"), "body.error.traceback": text("(one that ends with the type and the message)"),
		},
	} {
		read, err := readRule(rule)
		if err != nil {
			t.Errorf("%s: %v", rule, err)
			continue
		}
		ours := aReply()
		ours["body.assets[0].size"] = fact{value: "7"}
		ours["body.more"] = fact{isText: true, value: "ours"}
		got, wanted := aReply(), aReply()
		read(got, ours)
		for name, value := range expected {
			delete(wanted, name)
			if value != nil {
				wanted[name] = *value
			}
		}
		if !maps.Equal(got, wanted) {
			t.Errorf("%s gives\n%v and not\n%v", rule, got, wanted)
		}
	}
}

func TestErrorReplyHasNothingElse(t *testing.T) {
	read, err := readRule("reply: 404 not_found")
	if err != nil {
		t.Fatal(err)
	}
	expected := aReply()
	read(expected, facts{"body.message": {isText: true, value: "what to do"}})
	wanted := facts{"status": {value: "404"}}
	wanted.setTexts(map[string]string{"type": jsonType, "body.error": "not_found", "body.message": "what to do"})
	if !maps.Equal(expected, wanted) {
		t.Errorf("got %v", expected)
	}
	read(expected, facts{})
	if differences := compare(aReply(), expected, wanted); len(differences) != 1 || !strings.Contains(differences[0], "body.message") {
		t.Errorf("an error reply without a message passes: %q", differences)
	}
}

func TestTablesAreRead(t *testing.T) {
	head := "| " + strings.Join(tableHead, " | ") + " |\n| --- | --- | --- | --- | --- | --- |\n"
	good := "| `a` | was | is | why | 1, 3–5 | `status: is 1` `text: drop /a\\|b/` |\n"
	rows, err := readRows("text\n\n| Other | Table |\n| --- | --- |\n| x | y |\n\n" + head + good + "\n" + head + strings.Replace(good, "`a`", "`b`", 1))
	if err != nil || len(rows) != 2 || rows[0].id != "a" || len(rows[0].rules) != 2 {
		t.Fatalf("read %v, %v", rows, err)
	}
	for line, has := range map[int]bool{1: true, 2: false, 3: true, 4: true, 5: true, 6: false} {
		if rows[0].lines.has(&exchange{line: line}) != has {
			t.Errorf("the row is about line %d: %v", line, !has)
		}
	}
	changed := facts{"text": {isText: true, value: "xa|by"}}
	rows[0].rules[1](changed, nil)
	if changed["text"].value != "x|y" {
		t.Errorf("a pipe in a pattern is read as one of the text: %v", changed)
	}
	for what, bad := range map[string]string{
		"an id twice":      good + good,
		"a missing cell":   "| `a` | was | is | why | 1 |\n",
		"no reason":        "| `a` | was | is | | 1 | `status: is 1` |\n",
		"no rule":          "| `a` | was | is | why | 1 | status |\n",
		"an unknown verb":  "| `a` | was | is | why | 1 | `status: was 1` |\n",
		"a bad pattern":    "| `a` | was | is | why | 1 | `status: drop /(/` |\n",
		"a bad value":      "| `a` | was | is | why | 1 | `status: is so` |\n",
		"unknown replies":  "| `a` | was | is | why | some | `status: is 1` |\n",
		"a reply twice":    "| `a` | was | is | why | 1, 1 | `status: is 1` |\n",
		"a backward range": "| `a` | was | is | why | 5–3 | `status: is 1` |\n",
	} {
		if _, err := readRows(head + bad); err == nil {
			t.Errorf("%s passes", what)
		}
	}
}

// TestEveryDifferenceNeedsARow goes through what has to fail.
func TestEveryDifferenceNeedsARow(t *testing.T) {
	rows, err := readRows("| " + strings.Join(tableHead, " | ") + " |\n" +
		"| `listed` | was | is | why | 1, 2 | `body.result: is \"3\"` |\n" +
		"| `grouped` | was | is | why | `/reset` | `status: is 201` |\n")
	if err != nil {
		t.Fatal(err)
	}
	used := newUsage(rows)
	ours := aReply()
	ours["body.result"] = fact{isText: true, value: "3"}
	expected := used.apply(&exchange{line: 1}, aReply(), ours)
	if differences := compare(aReply(), expected, ours); differences != nil {
		t.Errorf("a difference with a row fails: %q", differences)
	}
	ours["body.extra"] = fact{value: "1"}
	delete(ours, "body.stdout")
	ours["status"] = fact{isText: true, value: "200"}
	if differences := compare(aReply(), expected, ours); len(differences) != 3 {
		t.Errorf("a fact more, a fact less and another type give %q", differences)
	}
	used.apply(&exchange{line: 2}, ours, ours)
	stale := strings.Join(used.stale(), "\n")
	if !strings.Contains(stale, "row listed covers no difference in line 2") || strings.Contains(stale, "line 1 ") ||
		!strings.Contains(stale, "row grouped covers no difference") {
		t.Errorf("of rows that make no difference is said: %s", stale)
	}
}

func TestUnreadableStreams(t *testing.T) {
	const wellFormed = "id: 1\nevent: stdout\ndata: {\"content\":\"a\",\"accumulated\":\"a\",\"seq\":1}\n\n"
	for stream, readable := range map[string]bool{
		wellFormed: true,
		": keepalive\n\n" + strings.ReplaceAll(wellFormed, "\n", "\r\n"):            true,
		strings.Replace(wellFormed, `"accumulated":"a"`, `"accumulated":"b"`, 1):    false,
		strings.Replace(wellFormed, "id: 1", "id: 2", 1):                            false,
		strings.Replace(wellFormed, `"seq":1`, `"seq":2`, 1):                        false,
		strings.Replace(wellFormed, "event: stdout\n", "", 1) + "event: stdout\n\n": false,
		strings.TrimSuffix(wellFormed, "\n"):                                        false,
		strings.Replace(wellFormed, "data: {", "data: {\ndata: ", 1):                false,
	} {
		_, err := factsOf(answer{status: 200, contentType: eventStreamType, body: []byte(stream)})
		if (err == nil) != readable {
			t.Errorf("%q: %v", stream, err)
		}
	}
}

func TestItemsAreToldApartByName(t *testing.T) {
	for list, wanted := range map[string]facts{
		`[{"name": "x", "size": 1}, {"name": "y", "size": 2}]`: {
			"l.length": {value: "2"}, "l.names": {isText: true, value: "x y"},
			"l[x].name": {isText: true, value: "x"}, "l[x].size": {value: "1"},
			"l[y].name": {isText: true, value: "y"}, "l[y].size": {value: "2"},
		},
		`[{"label": "x"}, {"label": "x"}]`: {
			"l.length": {value: "2"}, "l[0].label": {isText: true, value: "x"}, "l[1].label": {isText: true, value: "x"},
		},
		`[{"name": "x"}, 2]`: {"l.length": {value: "2"}, "l[0].name": {isText: true, value: "x"}, "l[1]": {value: "2"}},
		`[]`:                 {"l.length": {value: "0"}},
	} {
		got := facts{}
		if err := got.addItems("l", []byte(list)); err != nil || !maps.Equal(got, wanted) {
			t.Errorf("%s gives %v, %v", list, got, err)
		}
	}
}
