package mrp

import (
	"bytes"
	"cmp"
	"errors"
	"io"
	"math"
	"mime"
	"net/http"
	"strconv"
	"strings"
	"sync"

	"github.com/go-json-experiment/json/jsontext"
)

// optional is a member of a request that may be absent; null is absent.
type optional[T any] struct {
	value T
	set   bool
}

func (o optional[T]) or(fallback T) T {
	if o.set {
		return o.value
	}
	return fallback
}

// field is one member of a request's JSON object.
type field struct {
	name string
	// full is the name with that of the object around it; "" at the top.
	full string
	raw  jsontext.Value
}

func (f field) wrongType(expected string) error {
	got := map[jsontext.Kind]string{
		'{': "an object", '[': "an array", '"': "a string", '0': "a number", 't': "true", 'f': "false",
	}[f.raw.Kind()]
	return invalidRequest("%q must be %s, not %s", cmp.Or(f.full, f.name), expected, got)
}

func missingField(name, expected string) error {
	return invalidRequest("%q is required: send %s", name, expected)
}

func (f field) text(into *optional[string]) error {
	switch f.raw.Kind() {
	case 'n':
		*into = optional[string]{}
	case '"':
		inner := f.raw[1 : len(f.raw)-1]
		if bytes.IndexByte(inner, '\\') < 0 {
			*into = optional[string]{string(inner), true}
			return nil
		}
		plain, err := jsontext.AppendUnquote(make([]byte, 0, len(inner)), f.raw)
		if err != nil {
			return invalidRequest("%q is not a valid string: %s", f.name, withoutPrefix(err))
		}
		*into = optional[string]{string(plain), true}
	default:
		return f.wrongType("a string")
	}
	return nil
}

func (f field) boolean(into *optional[bool]) error {
	switch f.raw.Kind() {
	case 'n':
		*into = optional[bool]{}
	case 't', 'f':
		*into = optional[bool]{f.raw.Kind() == 't', true}
	default:
		return f.wrongType("true or false")
	}
	return nil
}

// whole takes a whole number from low to high.
func (f field) whole(into *optional[int], low, high int) error {
	switch f.raw.Kind() {
	case 'n':
		*into = optional[int]{}
		return nil
	case '0':
		// 80.0 and 8e1 are whole numbers too; JSON makes no difference.
		number, err := strconv.ParseFloat(string(f.raw), 64)
		if err != nil || number != float64(int(number)) || int(number) < low || int(number) > high {
			return invalidRequest("%q must be a whole number from %d to %d, not %s", f.name, low, high, f.raw)
		}
		*into = optional[int]{int(number), true}
		return nil
	default:
		return f.wrongType("a whole number")
	}
}

// position takes a whole number that counts from the beginning of a text: one too large
// for any text is the largest.
func (f field) position(into *optional[int], largest int) error {
	// What is no number parses as 0, and what is beyond all of them as infinity.
	if number, _ := strconv.ParseFloat(string(f.raw), 64); number > float64(largest) && number == math.Trunc(number) {
		*into = optional[int]{largest, true}
		return nil
	}
	return f.whole(into, 0, largest)
}

// object only checks the type: the members are the client's own.
func (f field) object() error {
	if kind := f.raw.Kind(); kind != 'n' && kind != '{' {
		return f.wrongType("an object")
	}
	return nil
}

// members calls each for the members of an object, whose names are given as
// "object.member".
func (f field) members(each func(field) error) error {
	if err := f.object(); err != nil || f.raw.Kind() == 'n' {
		return err
	}
	decoder := jsontext.NewDecoder(bytes.NewReader(f.raw), jsontext.AllowDuplicateNames(true))
	if _, err := decoder.ReadToken(); err != nil {
		return notJSON(err)
	}
	for decoder.PeekKind() == '"' {
		name, err := decoder.ReadToken()
		if err != nil {
			return notJSON(err)
		}
		member := field{name: name.String(), full: f.name + "." + name.String()}
		if member.raw, err = decoder.ReadValue(); err != nil {
			return notJSON(err)
		}
		if err := each(member); err != nil {
			return err
		}
	}
	return nil
}

// oneOf takes one of some words and gives what it stands for; the zero value
// when absent.
func oneOf[T any](f field, words map[string]T, into *T) error {
	var word optional[string]
	if err := f.text(&word); err != nil {
		return err
	}
	if !word.set {
		var zero T
		*into = zero
		return nil
	}
	value, known := words[word.value]
	if !known {
		return invalidRequest("%q must be one of %s, not %q", f.name, quotedKeys(words), word.value)
	}
	*into = value
	return nil
}

// bodyDecoder is what decoding needs and the next request can use again.
type bodyDecoder struct {
	body    bytes.Buffer
	decoder jsontext.Decoder
}

var decoderPool = sync.Pool{New: func() any { return new(bodyDecoder) }}

// decode reads the request's body, one JSON object or nothing, and calls each
// for its members in order; a name that comes twice is given twice, so the last
// one wins. Unknown members are each's to ignore.
func (h *Handler) decode(r *http.Request, each func(field) error) error {
	d := decoderPool.Get().(*bodyDecoder)
	defer func() {
		if d.body.Cap() <= mebibyte {
			d.body.Reset()
			decoderPool.Put(d)
		}
	}()
	if err := h.readBody(r, &d.body); err != nil {
		return err
	}
	return decodeObject(d, h.options.Limits.JSONDepth, each)
}

func (h *Handler) readBody(r *http.Request, into *bytes.Buffer) error {
	limit := h.options.Limits.Body
	if r.ContentLength > limit {
		return bodyTooLarge(limit)
	}
	if r.ContentLength == 0 || r.Body == nil {
		return nil
	}
	read, err := into.ReadFrom(io.LimitReader(r.Body, limit+1))
	if err != nil {
		return invalidRequest("the body could not be read to its end: %v", err)
	}
	if read > limit {
		return bodyTooLarge(limit)
	}
	if read > 0 && r.Header.Get("Content-Type") == "" {
		return unsupportedMediaType("send the body with Content-Type: application/json")
	}
	return nil
}

func bodyTooLarge(limit int64) error {
	return tooLarge("the body is longer than the %d bytes this runtime takes", limit)
}

// checkBodyType refuses a POST that is not JSON before anything is done for it: a web
// page can send other types to any server without asking.
func checkBodyType(r *http.Request) error {
	if r.Method != http.MethodPost {
		return nil
	}
	if r.ContentLength > 0 && len(r.Header["Content-Type"]) == 0 {
		return unsupportedMediaType("send the body with Content-Type: application/json")
	}
	return checkContentType(r)
}

func checkContentType(r *http.Request) error {
	if encoding := r.Header.Get("Content-Encoding"); encoding != "" && !strings.EqualFold(encoding, "identity") {
		return unsupportedMediaType("the body must not be encoded (Content-Encoding: %s): send it as it is", encoding)
	}
	given := r.Header["Content-Type"]
	if len(given) == 0 {
		return nil
	}
	if len(given) == 1 && given[0] == "application/json" {
		return nil
	}
	mediaType, parameters, err := mime.ParseMediaType(given[0])
	if err != nil || len(given) > 1 || mediaType != "application/json" {
		return unsupportedMediaType("the body must be application/json, not %q", strings.Join(given, ", "))
	}
	switch charset := strings.ToLower(parameters["charset"]); charset {
	case "", "utf-8", "utf8", "us-ascii":
		return nil
	default:
		return unsupportedMediaType("the body must be UTF-8, not %s", charset)
	}
}

var utf8BOM = []byte("\xEF\xBB\xBF")

func decodeObject(d *bodyDecoder, depth int, each func(field) error) error {
	if text := d.body.Bytes(); bytes.HasPrefix(text, utf8BOM) {
		d.body.Next(len(utf8BOM))
	}
	if len(bytes.TrimLeft(d.body.Bytes(), " \t\r\n")) == 0 {
		return nil
	}
	d.decoder.Reset(&d.body, jsontext.AllowDuplicateNames(true))
	if kind := d.decoder.PeekKind(); kind != '{' {
		// Only a value of another kind is told so; what isn't JSON at all gets
		// the decoder's own reason.
		if _, err := d.decoder.ReadValue(); err != nil {
			return notJSON(err)
		}
		return invalidRequest("the body must be a JSON object, like {\"code\": \"1+1\"}")
	}
	if _, err := d.decoder.ReadToken(); err != nil {
		return notJSON(err)
	}
	var refused error
	for d.decoder.PeekKind() == '"' {
		name, err := d.decoder.ReadToken()
		if err != nil {
			return notJSON(err)
		}
		f := field{name: name.String()}
		if f.raw, err = d.decoder.ReadValue(); err != nil {
			return notJSON(err)
		}
		if !nestsAtMost(f.raw, depth-1) {
			return invalidRequest("%q nests deeper than the %d levels this runtime takes", f.name, depth)
		}
		if refused == nil {
			refused = each(f)
		}
	}
	if _, err := d.decoder.ReadToken(); err != nil {
		return notJSON(err)
	}
	if _, err := d.decoder.ReadToken(); err != io.EOF {
		if err != nil {
			return notJSON(err)
		}
		return invalidRequest("the body has something after its JSON object")
	}
	return refused
}

func notJSON(err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return invalidRequest("the body is not valid JSON: it ends too early")
	}
	return invalidRequest("the body is not valid JSON: %s", withoutPrefix(err))
}

// withoutPrefix is the error without the name of the package that found it.
func withoutPrefix(err error) string {
	return strings.TrimPrefix(err.Error(), "jsontext: ")
}

// nestsAtMost says whether a valid JSON value has at most depth arrays and
// objects inside each other.
func nestsAtMost(value jsontext.Value, depth int) bool {
	if kind := value.Kind(); kind != '{' && kind != '[' {
		return true
	}
	level, inString := 0, false
	for i := 0; i < len(value); i++ {
		switch c := value[i]; {
		case inString:
			switch c {
			case '\\':
				i++
			case '"':
				inString = false
			}
		case c == '"':
			inString = true
		case c == '{' || c == '[':
			if level++; level > depth {
				return false
			}
		case c == '}' || c == ']':
			level--
		}
	}
	return true
}

func quotedKeys[T any](words map[string]T) string {
	var list []string
	for word := range words {
		list = append(list, strconv.Quote(word))
	}
	return joinSorted(list)
}
