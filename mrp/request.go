package mrp

import (
	"cmp"
	"math/rand/v2"
	"net"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// displayMode says what becomes of a display that could be a file.
type displayMode uint8

const (
	displaysAsAssets displayMode = iota
	displaysInline
	displaysBoth
)

var displayModes = map[string]displayMode{
	"assets": displaysAsAssets, "inline": displaysInline, "both": displaysBoth,
}

// executeRequest is a request to run a cell, complete and checked.
type executeRequest struct {
	code         string
	session      string
	execID       string
	cellID       string
	storeHistory bool
	silent       bool
	allowStdin   bool
	stopOnError  bool
	columns      int
	accumulated  accumulation
	displays     displayMode
	// assetDir is where files go; nil stands for the assets folder.
	assetDir *assetDir
	// client tells senders apart; see clientOf.
	client string
}

const (
	maxExecIDLength = 200
	maxColumns      = 10000
)

// decodeExecute reads an execute request; streaming decides what allowStdin is
// when the client doesn't say.
func (h *Handler) decodeExecute(r *http.Request, streaming bool) (executeRequest, error) {
	var (
		request                                       executeRequest
		code, session, execID, cellID, assetDir       optional[string]
		storeHistory, silent, allowStdin, stopOnError optional[bool]
		columns                                       optional[int]
	)
	err := h.decode(r, func(f field) error {
		switch f.name {
		case "code":
			return f.text(&code)
		case "session":
			return f.text(&session)
		case "execId":
			return f.text(&execID)
		case "cellId":
			return f.text(&cellID)
		case "assetDir":
			return f.text(&assetDir)
		case "storeHistory":
			return f.boolean(&storeHistory)
		case "silent":
			return f.boolean(&silent)
		case "allowStdin":
			return f.boolean(&allowStdin)
		case "stopOnError":
			return f.boolean(&stopOnError)
		case "columns":
			return f.whole(&columns, 1, maxColumns)
		case "cellMeta":
			return f.object()
		case "accumulated":
			return oneOf(f, accumulationNames, &request.accumulated)
		case "displays":
			return oneOf(f, displayModes, &request.displays)
		}
		return nil
	})
	if err != nil {
		return request, err
	}
	if !code.set {
		return request, missingField("code", "the cell's text, \"\" for an empty one")
	}
	request.code = code.value
	request.session = cmp.Or(session.value, DefaultSession)
	if err := checkSessionID("session", request.session); err != nil {
		return request, err
	}
	request.cellID = cellID.value
	request.silent = silent.value
	request.storeHistory = storeHistory.or(true) && !request.silent
	request.allowStdin = allowStdin.or(streaming)
	request.stopOnError = stopOnError.value
	request.columns = columns.value
	if request.execID, err = checkExecID(execID); err != nil {
		return request, err
	}
	if assetDir.set && assetDir.value != "" {
		if request.assetDir, err = h.assets.resolveDir(assetDir.value, h.engine.Info().WorkingDirectory); err != nil {
			return request, err
		}
	}
	request.client = clientOf(r, request.session)
	return request, nil
}

func checkExecID(given optional[string]) (string, error) {
	if !given.set {
		return newExecID(), nil
	}
	if n := utf8.RuneCountInString(given.value); n < 1 || n > maxExecIDLength {
		return "", invalidRequest("\"execId\" must have from 1 to %d characters, not %d", maxExecIDLength, n)
	}
	return given.value, nil
}

// newExecID makes up an id of 13 characters at most. 64 random bits make a
// collision with a retained execution a matter of geological time.
func newExecID() string { return strconv.FormatUint(rand.Uint64(), 36) }

// clientHeader lets several clients on one host be told apart.
const clientHeader = "X-MRMD-Client"

// clientOf says whose queued executions stopOnError may drop: those with the
// same session and the same X-MRMD-Client, or, without that header, the same
// remote address. The connection itself says nothing, for clients pool them.
func clientOf(r *http.Request, session string) string {
	client := r.Header.Get(clientHeader)
	if client == "" {
		client = r.RemoteAddr
		if host, _, err := net.SplitHostPort(client); err == nil {
			client = host
		}
	}
	return session + "\x00" + client
}

func joinSorted(list []string) string {
	slices.Sort(list)
	return strings.Join(list, ", ")
}
