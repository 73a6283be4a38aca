package wire

import (
	"bytes"
	"encoding/json"
	"time"

	"google.golang.org/protobuf/encoding/protojson"

	"github.com/ai-data-analyst/broker/sdk"
	"github.com/ai-data-analyst/broker/sdk/connector"
	"github.com/ai-data-analyst/broker/sdk/internal/pb"
	"github.com/ai-data-analyst/broker/sdk/internal/wire/words"
)

// each maps a slice and keeps nil nil.
func each[A, B any](in []A, f func(A) B) []B {
	if in == nil {
		return nil
	}
	out := make([]B, len(in))
	for i, a := range in {
		out[i] = f(a)
	}
	return out
}

func columnToPB(c sdk.Column) *pb.Column {
	return &pb.Column{Name: c.Name, Type: TypeToPB(c.Type), NotNull: c.NotNull, Doc: c.Doc, Pii: c.PII, Meta: c.Meta}
}

func columnFromPB(c *pb.Column) sdk.Column {
	return sdk.Column{Name: c.GetName(), Type: TypeFromPB(c.GetType(), 0), NotNull: c.GetNotNull(), Doc: words.TidyDoc(c.GetDoc()), PII: c.GetPii(), Meta: c.GetMeta()}
}

// TypeToPB is a type as it travels.
func TypeToPB(t sdk.Type) *pb.Type {
	return &pb.Type{
		Id: string(t.ID), Precision: t.Precision, Scale: t.Scale, Zone: t.Zone, Logical: t.Logical,
		Children: each(t.Children, columnToPB),
	}
}

// TypeFromPB stops one level below the deepest allowed type: Validate then refuses what was cut.
func TypeFromPB(t *pb.Type, depth int) sdk.Type {
	out := sdk.Type{ID: sdk.TypeID(t.GetId()), Precision: t.GetPrecision(), Scale: t.GetScale(), Zone: t.GetZone(), Logical: t.GetLogical()}
	if depth <= sdk.MaxTypeDepth {
		out.Children = each(t.GetChildren(), func(c *pb.Column) sdk.Column {
			child := sdk.Column{Name: c.GetName(), NotNull: c.GetNotNull(), Doc: words.TidyDoc(c.GetDoc()), PII: c.GetPii(), Meta: c.GetMeta()}
			child.Type = TypeFromPB(c.GetType(), depth+1)
			return child
		})
	}
	return out
}

func streamToPB(s sdk.Stream) *pb.Stream {
	return &pb.Stream{
		Name: s.Name, Doc: s.Doc, Columns: each(s.Columns, columnToPB), Key: s.Key, CursorField: s.CursorField,
		Sorted: s.Sorted, AppendOnly: s.AppendOnly, LookbackMs: s.Lookback.Milliseconds(),
		Modes: each(s.Modes, func(m sdk.SyncMode) string { return string(m) }), Parent: s.Parent, RateKey: s.RateKey,
	}
}

func streamFromPB(s *pb.Stream) sdk.Stream {
	return sdk.Stream{
		Name: s.GetName(), Doc: words.TidyDoc(s.GetDoc()), Columns: each(s.GetColumns(), columnFromPB), Key: s.GetKey(), CursorField: s.GetCursorField(),
		Sorted: s.GetSorted(), AppendOnly: s.GetAppendOnly(), Lookback: time.Duration(s.GetLookbackMs()) * time.Millisecond,
		Modes: each(s.GetModes(), func(m string) sdk.SyncMode { return sdk.SyncMode(m) }), Parent: s.GetParent(), RateKey: words.Tidy(s.GetRateKey(), words.MaxShort),
	}
}

func fieldToPB(f connector.Field) *pb.Field {
	return &pb.Field{
		Name: f.Name, Type: f.Type, Doc: f.Doc, Required: f.Required, Secret: f.Secret, Default: f.Default,
		OneOf: f.OneOf, Min: f.Min, Max: f.Max, Format: f.Format,
	}
}

func fieldFromPB(f *pb.Field) connector.Field {
	return connector.Field{
		Name: f.GetName(), Type: f.GetType(), Doc: words.TidyDoc(f.GetDoc()), Required: f.GetRequired(), Secret: f.GetSecret(), Default: f.GetDefault(),
		OneOf: f.GetOneOf(), Min: f.GetMin(), Max: f.GetMax(), Format: f.GetFormat(),
	}
}

func descriptionToPB(d connector.Description) *pb.DescribeReply {
	return &pb.DescribeReply{
		Kind: d.Kind, Name: d.Name, Version: d.Version, SdkVersion: d.SDKVersion, ProtocolMinor: ProtocolMinor, Doc: d.Doc,
		Settings: each(d.Settings, fieldToPB), Streams: each(d.Streams, streamToPB), Abilities: d.Abilities,
	}
}

func descriptionFromPB(d *pb.DescribeReply) connector.Description {
	return connector.Description{
		Kind: words.Tidy(d.GetKind(), words.MaxShort), Name: d.GetName(), Version: words.Tidy(d.GetVersion(), words.MaxShort), SDKVersion: words.Tidy(d.GetSdkVersion(), words.MaxShort), Doc: words.TidyDoc(d.GetDoc()),
		Settings: each(d.GetSettings(), fieldFromPB), Streams: each(d.GetStreams(), streamFromPB),
		Abilities: each(d.GetAbilities(), func(a string) string { return words.Tidy(a, words.MaxShort) }),
	}
}

// DescriptionJSON returns d as one JSON object with the names of the protocol.
func DescriptionJSON(d connector.Description) ([]byte, error) {
	text, err := protojson.MarshalOptions{UseProtoNames: true}.Marshal(descriptionToPB(d))
	if err != nil {
		return nil, err
	}
	var out bytes.Buffer
	if err := json.Indent(&out, text, "", "  "); err != nil { // protojson's own spacing changes from build to build
		return nil, err
	}
	return append(out.Bytes(), '\n'), nil
}

func stateToPB(c sdk.Cursor) *pb.State {
	if c.IsZero() && c.Human == "" {
		return nil
	}
	return &pb.State{Version: c.Version, Data: c.Data, Human: c.Human}
}

func stateFromPB(s *pb.State) sdk.Cursor {
	return sdk.Cursor{Version: s.GetVersion(), Data: s.GetData(), Human: s.GetHuman()}
}

func askToPB(a connector.Ask) *pb.Ask {
	out := &pb.Ask{
		Stream: a.Stream, Mode: string(a.Mode), Columns: namesToPB(a.Columns), State: stateToPB(a.State),
		LookbackSeconds: int64(a.Lookback / time.Second),
		Filters: each(a.Filters, func(f connector.Filter) *pb.Filter {
			return &pb.Filter{Column: f.Column, Operator: f.Operator, Values: f.Values}
		}),
	}
	if !a.HistoryFrom.IsZero() {
		out.HistoryFrom = a.HistoryFrom.UnixMicro()
	}
	return out
}

func askFromPB(a *pb.Ask) connector.Ask {
	out := connector.Ask{
		Stream: a.GetStream(), Mode: sdk.SyncMode(a.GetMode()), Columns: namesFromPB(a.GetColumns()), State: stateFromPB(a.GetState()),
		Lookback: time.Duration(a.GetLookbackSeconds()) * time.Second,
		Filters: each(a.GetFilters(), func(f *pb.Filter) connector.Filter {
			return connector.Filter{Column: f.GetColumn(), Operator: f.GetOperator(), Values: f.GetValues()}
		}),
	}
	if a.GetHistoryFrom() != 0 {
		out.HistoryFrom = time.UnixMicro(a.GetHistoryFrom()).UTC()
	}
	return out
}

func namesToPB(names []string) *pb.Columns {
	if names == nil {
		return nil
	}
	return &pb.Columns{Names: names}
}

func namesFromPB(c *pb.Columns) []string {
	if c == nil {
		return nil
	}
	return append([]string{}, c.GetNames()...)
}

func startToPB(session string, r connector.Request) *pb.Start {
	return &pb.Start{
		Session: session, Asks: each(r.Asks, askToPB), Attempt: uint32(r.Attempt), MaxRows: uint64(r.MaxRows),
		Limits: &pb.Limits{BatchRows: uint32(r.Limits.BatchRows), BatchBytes: uint32(r.Limits.BatchBytes), FlushMs: uint32(r.Limits.Flush.Milliseconds())},
	}
}

func startFromPB(s *pb.Start) connector.Request {
	l := s.GetLimits()
	return connector.Request{
		Asks: each(s.GetAsks(), askFromPB), Attempt: int(s.GetAttempt()), MaxRows: int(s.GetMaxRows()),
		Limits: connector.Limits{BatchRows: int(l.GetBatchRows()), BatchBytes: int(l.GetBatchBytes()), Flush: time.Duration(l.GetFlushMs()) * time.Millisecond},
	}
}

var opsToPB = map[connector.Op]pb.Op{
	connector.Append: pb.Op_OP_APPEND, connector.Upsert: pb.Op_OP_UPSERT, connector.DeleteKeys: pb.Op_OP_DELETE_KEYS,
}

var opsFromPB = map[pb.Op]connector.Op{
	pb.Op_OP_APPEND: connector.Append, pb.Op_OP_UPSERT: connector.Upsert, pb.Op_OP_DELETE_KEYS: connector.DeleteKeys,
}
