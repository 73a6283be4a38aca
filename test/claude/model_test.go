package claude_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
)

// turn is what the model says next, seeing everything that it was sent; nil ends the conversation with a text.
type turn func(request string) *call

// call is one use of a tool.
type call struct {
	tool  string
	input any
}

// model is a Messages endpoint that plays its turns in order and keeps what it was sent. Requests without tools are the
// program's own small questions (titles, topics): they get a word and count as nothing.
type model struct {
	mu    sync.Mutex
	turns []turn
	next  int
	sent  []string
}

func (m *model) serve(t *testing.T) string {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
			return
		}
		if r.Method != http.MethodPost || !strings.HasSuffix(r.URL.Path, "/v1/messages") {
			w.Header().Set("Content-Type", "application/json")
			fmt.Fprint(w, `{"input_tokens": 10}`)
			return
		}
		m.answer(w, string(body))
	}))
	t.Cleanup(server.Close)
	return server.URL
}

func (m *model) answer(w http.ResponseWriter, body string) {
	var request struct {
		Tools  []json.RawMessage `json:"tools"`
		Stream bool              `json:"stream"`
	}
	_ = json.Unmarshal([]byte(body), &request) //nolint:errcheck // what cannot be read has no tools
	m.mu.Lock()
	defer m.mu.Unlock()
	var use *call
	if len(request.Tools) > 0 {
		m.sent = append(m.sent, body)
		if m.next < len(m.turns) {
			use = m.turns[m.next](body)
			m.next++
		}
	}
	block, delta, stop := `{"type":"text","text":""}`, `{"type":"text_delta","text":"The end."}`, "end_turn"
	if use != nil {
		input, _ := json.Marshal(use.input)       //nolint:errcheck // plain maps
		partial, _ := json.Marshal(string(input)) //nolint:errcheck // a string
		block = fmt.Sprintf(`{"type":"tool_use","id":"toolu_%02d","name":%q,"input":{}}`, m.next, use.tool)
		delta, stop = fmt.Sprintf(`{"type":"input_json_delta","partial_json":%s}`, partial), "tool_use"
	}
	if !request.Stream {
		w.Header().Set("Content-Type", "application/json")
		fmt.Fprintf(w, `{"id":"msg_1","type":"message","role":"assistant","model":"fake","content":[{"type":"text","text":"ok"}],"stop_reason":"end_turn","stop_sequence":null,"usage":{"input_tokens":1,"output_tokens":1}}`)
		return
	}
	w.Header().Set("Content-Type", "text/event-stream")
	for _, event := range []string{
		`{"type":"message_start","message":{"id":"msg_1","type":"message","role":"assistant","model":"fake","content":[],"stop_reason":null,"stop_sequence":null,"usage":{"input_tokens":1,"output_tokens":1}}}`,
		fmt.Sprintf(`{"type":"content_block_start","index":0,"content_block":%s}`, block),
		fmt.Sprintf(`{"type":"content_block_delta","index":0,"delta":%s}`, delta),
		`{"type":"content_block_stop","index":0}`,
		fmt.Sprintf(`{"type":"message_delta","delta":{"stop_reason":%q,"stop_sequence":null},"usage":{"output_tokens":1}}`, stop),
		`{"type":"message_stop"}`,
	} {
		var kind struct{ Type string }
		_ = json.Unmarshal([]byte(event), &kind) //nolint:errcheck // written above
		fmt.Fprintf(w, "event: %s\ndata: %s\n\n", kind.Type, event)
	}
}
