package mrp

import (
	_ "embed"
	"net/http"

	"github.com/julienschmidt/httprouter"
)

// openAPI describes the whole API. It is made of docs/openapi.yaml, and tests hold
// both to what is served.
//
//go:embed openapi.json
var openAPI []byte

func (h *Handler) serveOpenAPI(w http.ResponseWriter, _ *http.Request, _ httprouter.Params) error {
	writeJSON(w, http.StatusOK, openAPI)
	return nil
}
