package mrp

import (
	"bytes"
	"errors"
	"fmt"
	"net/http"
	"net/url"
)

// textLoss says what the result leaves out of a stream.
type textLoss struct {
	stream Stream
	bytes  int64
}

// writeResult writes the members of the execute response, without the braces.
func (h *Handler) writeResult(w *wireWriter, e *execution) {
	failed := e.outcome.Error != nil
	var losses [2]textLoss
	lost := 0
	w.raw(`"success":`)
	w.boolean(!failed)
	for _, stream := range []Stream{Stdout, Stderr} {
		w.raw(`,"`)
		w.raw(stream.String())
		w.raw(`":`)
		if size, whole := h.writeStream(w, e, stream); !whole {
			losses[lost] = textLoss{stream, size}
			lost++
		}
	}
	w.raw(`,"result":`)
	if e.outcome.Result != nil {
		w.openString()
		w.stringPiece([]byte(*e.outcome.Result))
		w.closeString()
	} else {
		w.raw("null")
	}
	w.raw(`,"error":`)
	if failed {
		w.raw("{")
		writeCellError(w, e.outcome.Error)
		w.raw("}")
	} else {
		w.raw("null")
	}
	w.raw(`,"displayData":[`)
	writePayloads(w, &e.log, e.shown)
	w.raw(`],"assets":[`)
	writeAssets(w, &e.log, e.saved)
	w.raw(`],"executionCount":`)
	w.number(int64(e.outcome.ExecutionCount))
	w.raw(`,"duration":`)
	w.number(e.status().duration().Milliseconds())
	w.raw(`,"imports":[`)
	writeStrings(w, e.outcome.Imports)
	w.raw(`],"stateRevision":`)
	w.number(e.stateRevision)
	w.raw(`,"execId":`)
	w.quoted(e.request.execID)
	for _, loss := range losses[:lost] {
		name := loss.stream.String()
		w.raw(`,"` + name + `Truncated":true,"` + name + `Bytes":`)
		w.number(loss.bytes)
		w.raw(`,"` + name + `Url":`)
		w.quoted(w.urlPrefix + outputURL(e.request.execID, loss.stream))
	}
}

func outputURL(execID string, stream Stream) string {
	return pathPrefix + "/executions/" + url.PathEscape(execID) + "/output/" + stream.String()
}

// writeStream writes a text stream as a string: all of it, or its head and its
// tail around a line that says what is missing and where it is.
func (h *Handler) writeStream(w *wireWriter, e *execution, stream Stream) (size int64, whole bool) {
	log, store := &e.log, &e.log.text[stream]
	log.mu.Lock()
	size = store.size()
	log.mu.Unlock()
	limit := int64(h.options.Limits.ResultText)
	w.openString()
	defer w.closeString()
	if size <= limit {
		log.eachPiece(store, 0, size, &w.scratch, w.stringPiece)
		return size, true
	}
	headEnd := log.alignForward(store, limit/2, size)
	tailStart := log.alignForward(store, size-limit/2, size)
	log.eachPiece(store, 0, headEnd, &w.scratch, w.stringPiece)
	w.stringPiece(fmt.Appendf(nil, "\n… [%d bytes not shown: GET %s has all] …\n",
		tailStart-headEnd, w.urlPrefix+outputURL(e.request.execID, stream)))
	log.eachPiece(store, tailStart, size, &w.scratch, w.stringPiece)
	return size, false
}

func writeCellError(w *wireWriter, err *CellError) {
	w.raw(`"type":`)
	w.quoted(err.Type)
	w.raw(`,"message":`)
	w.quoted(err.Message)
	w.raw(`,"traceback":[`)
	writeStrings(w, err.Traceback)
	w.raw(`],"line":`)
	writeOptionalNumber(w, err.Line)
	w.raw(`,"column":`)
	writeOptionalNumber(w, err.Column)
}

func writeOptionalNumber(w *wireWriter, value *int) {
	if value == nil {
		w.raw("null")
		return
	}
	w.number(int64(*value))
}

func writeStrings(w *wireWriter, list []string) {
	for i, text := range list {
		if i > 0 {
			w.raw(",")
		}
		w.quoted(text)
	}
}

func writePayloads(w *wireWriter, log *eventLog, places []byteRange) {
	writeObjects(w, places, func(place byteRange) { writePayload(w, log, place) })
}

func writeAssets(w *wireWriter, log *eventLog, places []byteRange) {
	writeObjects(w, places, func(place byteRange) { writeAssetPayload(w, log, place) })
}

func writeObjects(w *wireWriter, places []byteRange, write func(byteRange)) {
	for i, place := range places {
		if i > 0 {
			w.raw(",")
		}
		w.raw("{")
		write(place)
		w.raw("}")
	}
}

// urlMember stands in an asset's payload before its URL. The only member before it
// is a string, in which quotes are escaped.
const urlMember = `"url":"`

// writeAssetPayload is writePayload with the reader's prefix in the asset's URL.
func writeAssetPayload(w *wireWriter, log *eventLog, place byteRange) {
	if w.urlPrefix == "" {
		writePayload(w, log, place)
		return
	}
	whole := newWireWriter(nil)
	defer whole.release()
	writePayload(whole, log, place)
	before, after, found := bytes.Cut(whole.buffer, []byte(urlMember))
	w.bytes(before)
	if found {
		w.raw(urlMember)
		escaped := appendQuoted(nil, w.urlPrefix)
		w.bytes(escaped[1 : len(escaped)-1])
		w.bytes(after)
	}
	w.overflow()
	w.err = errors.Join(w.err, whole.err)
}

// writePayload copies stored JSON. When it can't be read back the answer must
// not look whole, so the writer fails.
func writePayload(w *wireWriter, log *eventLog, place byteRange) {
	for from := place.from; from < place.to && w.err == nil; {
		if w.scratch == nil {
			w.scratch = make([]byte, wireChunk)
		}
		piece, err := log.piece(&log.payload, from, place.to, w.scratch)
		if err != nil {
			w.err = err
			return
		}
		w.bytes(piece)
		w.overflow()
		from += int64(len(piece))
	}
}

// answerResult answers with the execute response of an ended execution.
func (h *Handler) answerResult(w http.ResponseWriter, e *execution) error {
	e.log.hold()
	defer e.log.letGo()
	if e.failure != nil {
		return internal("%v", e.failure)
	}
	out := newWireWriter(nil)
	defer out.release()
	out.urlPrefix = prefixFor(w)
	size := e.log.outputBytes()
	if e.outcome.Result != nil {
		size += int64(len(*e.outcome.Result))
	}
	if size > 4*wireChunk {
		out.target = w
		tellTiming(w, e)
		w.Header()["Content-Type"] = jsonContentType
		w.WriteHeader(http.StatusOK)
	}
	out.raw("{")
	h.writeResult(out, e)
	out.raw("}")
	if out.target == nil {
		tellTiming(w, e)
		writeJSON(w, http.StatusOK, out.buffer)
	} else {
		out.flush()
	}
	if out.err != nil {
		panic(http.ErrAbortHandler)
	}
	return nil
}
