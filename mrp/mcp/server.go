package mcp

import (
	"net/http"

	sdk "github.com/modelcontextprotocol/go-sdk/mcp"
)

const instructions = `A live Python notebook runtime. Its namespace is shared with the people and programs that use the same runtime: what you define they see, and the other way round.
Use "run" for code (state persists between calls; the last expression's value is the result), "look" to see variables, documentation, completions, earlier executions and plots without running code, "ctl" to interrupt, answer input(), reset and manage sessions.`

// New makes a server of the tools. transport carries requests to the runtime, whose
// protocol is at url (with /mrp/v1 at its end).
func New(transport http.RoundTripper, url, version string) *sdk.Server {
	server := sdk.NewServer(
		&sdk.Implementation{Name: "mrmd-python", Title: "Python notebook", Version: version},
		&sdk.ServerOptions{Instructions: instructions},
	)
	tools := &tools{client{http: &http.Client{Transport: transport}, url: url}}
	sdk.AddTool(server, runTool, tools.run)
	sdk.AddTool(server, lookTool, tools.look)
	sdk.AddTool(server, ctlTool, tools.control)
	return server
}

// NewHandler serves the tools by the protocol's streamable HTTP transport. Requests
// are answered without a session of the transport's: what lasts is the runtime's.
// Whoever calls it guards it.
func NewHandler(server *sdk.Server) http.Handler {
	return sdk.NewStreamableHTTPHandler(
		func(*http.Request) *sdk.Server { return server },
		// The runtime's guard has looked at the Host, and knows more of them.
		&sdk.StreamableHTTPOptions{Stateless: true, DisableLocalhostProtection: true},
	)
}
