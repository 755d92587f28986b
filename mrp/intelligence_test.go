package mrp

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/go-json-experiment/json/jsontext"
)

// knowingEngine is a toy that answers questions with what it was asked.
type knowingEngine struct {
	*toyEngine
	stale bool
	err   error
}

func (e *knowingEngine) echo(session string, question any) (Answer, error) {
	if e.err != nil {
		return Answer{}, e.err
	}
	text, err := json.Marshal(map[string]any{"session": session, "question": question})
	return Answer{jsontext.Value(text), e.stale}, err
}

func (e *knowingEngine) Complete(_ context.Context, q CompleteQuestion) (Answer, error) {
	return e.echo(q.Session, q)
}
func (e *knowingEngine) Inspect(_ context.Context, q InspectQuestion) (Answer, error) {
	return e.echo(q.Session, q)
}
func (e *knowingEngine) Hover(_ context.Context, q HoverQuestion) (Answer, error) {
	return e.echo(q.Session, q)
}
func (e *knowingEngine) Variables(_ context.Context, q VariablesQuestion) (Answer, error) {
	return e.echo(q.Session, q)
}
func (e *knowingEngine) Variable(_ context.Context, q VariableQuestion) (Answer, error) {
	return e.echo(q.Session, q)
}
func (e *knowingEngine) Format(_ context.Context, q FormatQuestion) (Answer, error) {
	return e.echo("", q)
}
func (e *knowingEngine) History(_ context.Context, q HistoryQuestion) (Answer, error) {
	return e.echo(q.Session, q)
}

func TestQuestionsReachTheEngine(t *testing.T) {
	rt := newRuntimeOf(t, &knowingEngine{toyEngine: newToyEngine(t.TempDir())})
	for _, test := range []struct{ path, body, want string }{
		{"/complete", `{"code":"os.pa","cursor":5}`, `{"code":"os.pa","cursor":5}`},
		{"/complete", `{"code":"x","cursor":500,"triggerKind":"typing"}`, `{"code":"x","cursor":500}`},
		{"/complete", `{"code":"x","cursor":1e400}`, `{"code":"x","cursor":2147483648}`},
		{"/hover", `{"code":"x","cursor":9007199254740993}`, `{"code":"x","cursor":2147483648}`},
		{"/hover", `{"code":"x","cursor":null}`, `{"code":"x"}`},
		{"/inspect", `{"code":"x","cursor":1.0}`, `{"code":"x","cursor":1,"detail":1}`},
		{"/inspect", `{"code":"x","detail":2}`, `{"code":"x","detail":2}`},
		{"/variables", ``, `{"excludePrivate":true,"offset":0}`},
		{"/variables", `{"filter":{"types":["int"],"excludePrivate":false},"limit":5,"offset":2}`, `{"types":["int"],"excludePrivate":false,"limit":5,"offset":2}`},
		{"/variables/na%2Fme", `{"path":["a",0]}`, `{"name":"na/me","path":["a","0"],"offset":0,"maxChildren":100,"maxValueLength":1000}`},
		{"/variables/d", `{"view":{"rows":[5,9],"sort":["-a",{"column":"b"}]}}`, `{"name":"d","path":null,"offset":0,"maxChildren":100,"maxValueLength":1000,"view":{"rows":[5,9],"sort":[{"column":"a","descending":true},{"column":"b","descending":false}],"filter":""}}`},
		{"/format", `{"code":"x=1"}`, `{"code":"x=1"}`},
		{"/history", `{"n":3,"pattern":"a*","before":7}`, `{"n":3,"pattern":"a*","before":7}`},
	} {
		answer := rt.post(test.path, test.body)
		got, err := json.Marshal(answer["question"])
		if err != nil {
			t.Fatal(err)
		}
		var want any
		if err := json.Unmarshal([]byte(test.want), &want); err != nil {
			t.Fatal(err)
		}
		wanted, _ := json.Marshal(want)
		if string(got) != string(wanted) {
			t.Errorf("%s %s asks %s, want %s", test.path, test.body, got, wanted)
		}
		if session := answer["session"]; test.path != "/format" && session != DefaultSession {
			t.Errorf("%s is asked of the session %v", test.path, session)
		}
	}
}

func TestQuestionsThatMakeNoSense(t *testing.T) {
	rt := newRuntimeOf(t, &knowingEngine{toyEngine: newToyEngine(t.TempDir())})
	for _, test := range []struct {
		path, body string
		status     int
	}{
		{"/complete", `{}`, http.StatusBadRequest},
		{"/complete", `{"code":"x","cursor":-1}`, http.StatusBadRequest},
		{"/hover", `{"code":"x","cursor":1.5}`, http.StatusBadRequest},
		{"/hover", `{"code":"x","cursor":"1"}`, http.StatusBadRequest},
		{"/hover", `{"code":"x","cursor":-1e400}`, http.StatusBadRequest},
		{"/reset", `{"scope":5}`, http.StatusBadRequest},
		{"/hover", `{"code":"x","session":"nope"}`, http.StatusNotFound},
		{"/inspect", `{"code":"x","detail":3}`, http.StatusBadRequest},
		{"/variables", `{"filter":{"namePattern":"("}}`, http.StatusBadRequest},
		{"/variables", `{"filter":{"types":"int"}}`, http.StatusBadRequest},
		{"/variables", `{"filter":[]}`, http.StatusBadRequest},
		{"/variables/x", `{"path":[{}]}`, http.StatusBadRequest},
		{"/variables/x", `{"view":{"rows":[3,1]}}`, http.StatusBadRequest},
		{"/variables/x", `{"view":{"rows":[0,100000]}}`, http.StatusBadRequest},
		{"/format", ``, http.StatusBadRequest},
		{"/history", `{"n":-1}`, http.StatusBadRequest},
	} {
		if answer := rt.do("POST", pathPrefix+test.path, test.body); answer.status != test.status {
			t.Errorf("%s %s: %d %s", test.path, test.body, answer.status, answer.body)
		}
	}
	if answer := rt.do("GET", pathPrefix+"/variables/x", ""); answer.status != http.StatusMethodNotAllowed {
		t.Errorf("GET: %d %s", answer.status, answer.body)
	}
}

func TestAnswersThatAreNone(t *testing.T) {
	engine := &knowingEngine{toyEngine: newToyEngine(t.TempDir()), stale: true}
	rt := newRuntimeOf(t, engine)
	if answer := rt.post("/hover", `{"code":"x"}`); answer["stale"] != true || answer["question"] == nil {
		t.Errorf("a stale answer: %v", answer)
	}
	for _, test := range []struct {
		err    error
		status int
		code   string
	}{
		{ErrBusy, http.StatusServiceUnavailable, "runtime_busy"},
		{&NoSuchVariable{"there is no x"}, http.StatusNotFound, "not_found"},
		{&BadQuestion{"x is no table"}, http.StatusBadRequest, "invalid_request"},
		{errors.New("broken"), http.StatusInternalServerError, "internal"},
	} {
		engine.err = test.err
		answer := rt.do("POST", pathPrefix+"/variables/x", "{}")
		if answer.status != test.status || !strings.Contains(string(answer.body), test.code) {
			t.Errorf("%v: %d %s", test.err, answer.status, answer.body)
		}
		if retry := answer.header.Get("Retry-After"); (retry != "") != (test.status == http.StatusServiceUnavailable) {
			t.Errorf("%v: Retry-After %q", test.err, retry)
		}
	}
}

func TestEngineWithoutIntelligence(t *testing.T) {
	rt := newRuntimeOf(t, newToyEngine(t.TempDir()))
	if answer := rt.do("POST", pathPrefix+"/hover", `{"code":"x"}`); answer.status != http.StatusNotFound {
		t.Errorf("%d %s", answer.status, answer.body)
	}
	if rt.get("/capabilities")["features"].(map[string]any)["hover"] != false {
		t.Error("hover is said to be there")
	}
	knowing := newRuntimeOf(t, &knowingEngine{toyEngine: newToyEngine(t.TempDir())})
	if knowing.get("/capabilities")["features"].(map[string]any)["hover"] != true {
		t.Error("hover is said not to be there")
	}
}

// newRuntimeOf serves an engine as it is.
func newRuntimeOf(t *testing.T, engine Engine) *runtimeUnderTest {
	t.Helper()
	handler, err := NewHandler(engine, Options{AssetsDir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { handler.Close() })
	server := httptest.NewUnstartedServer(handler)
	server.Config = NewServer(handler, Limits{})
	server.Start()
	t.Cleanup(server.Close)
	return &runtimeUnderTest{t: t, handler: handler, server: server}
}
