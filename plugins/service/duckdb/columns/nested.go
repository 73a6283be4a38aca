//go:build cgo

package columns

import (
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"math/big"
	"strings"

	duckdb "github.com/duckdb/duckdb-go-bindings"
)

// entry is where a list's elements lie in its child vector (duckdb_list_entry of duckdb.h).
type entry struct{ offset, length uint64 }

func childWriter(child duckdb.LogicalType) (writer, error) {
	defer duckdb.DestroyLogicalType(&child)
	return writerOf(child)
}

func listWriter(logical duckdb.LogicalType, id duckdb.Type) (writer, error) {
	of, size := duckdb.ListTypeChildType, 0
	if id == duckdb.TypeArray {
		of, size = duckdb.ArrayTypeChildType, int(duckdb.ArrayTypeArraySize(logical))
	}
	element, err := childWriter(of(logical))
	return writer{bare: true, text: func(to []byte, v duckdb.Vector, row int) []byte {
		var elements duckdb.Vector
		begin, end := row*size, (row+1)*size
		if id == duckdb.TypeArray {
			elements = duckdb.ArrayVectorGetChild(v)
		} else {
			e := values[entry](v, row+1)[row]
			elements, begin, end = duckdb.ListVectorGetChild(v), int(e.offset), int(e.offset+e.length)
		}
		to = append(to, '[')
		for i := begin; i < end; i++ {
			if i > begin {
				to = append(to, ',')
			}
			to = element.json(to, elements, i)
		}
		return append(to, ']')
	}}, err
}

func structWriter(logical duckdb.LogicalType) (writer, error) {
	var names []string
	var fields []writer
	for i := range duckdb.StructTypeChildCount(logical) {
		field, err := childWriter(duckdb.StructTypeChildType(logical, i))
		if err != nil {
			return writer{}, err
		}
		names, fields = append(names, duckdb.StructTypeChildName(logical, i)), append(fields, field)
	}
	return writer{bare: true, text: func(to []byte, v duckdb.Vector, row int) []byte {
		to = append(to, '{')
		for i, field := range fields {
			if i > 0 {
				to = append(to, ',')
			}
			to = append(quote(to, names[i]), ':')
			to = field.json(to, duckdb.StructVectorGetChild(v, duckdb.IdxT(i)), row)
		}
		return append(to, '}')
	}}, nil
}

// mapWriter writes an object; keys that are no text stand as theirs.
func mapWriter(logical duckdb.LogicalType) (writer, error) {
	key, err := childWriter(duckdb.MapTypeKeyType(logical))
	if err != nil {
		return writer{}, err
	}
	element, err := childWriter(duckdb.MapTypeValueType(logical))
	return writer{bare: true, text: func(to []byte, v duckdb.Vector, row int) []byte {
		e := values[entry](v, row+1)[row]
		pairs := duckdb.ListVectorGetChild(v)
		keys, elements := duckdb.StructVectorGetChild(pairs, 0), duckdb.StructVectorGetChild(pairs, 1)
		to = append(to, '{')
		for i := int(e.offset); i < int(e.offset+e.length); i++ {
			if i > int(e.offset) {
				to = append(to, ',')
			}
			to = append(quote(to, string(key.text(nil, keys, i))), ':')
			to = element.json(to, elements, i)
		}
		return append(to, '}')
	}}, err
}

func enumWriter(logical duckdb.LogicalType) writer {
	words := make([]string, duckdb.EnumDictionarySize(logical))
	for i := range words {
		words[i] = duckdb.EnumDictionaryValue(logical, duckdb.IdxT(i))
	}
	internal := duckdb.EnumInternalType(logical)
	return quoted(func(to []byte, v duckdb.Vector, row int) []byte {
		var at int
		switch internal {
		case duckdb.TypeUTinyInt:
			at = int(values[uint8](v, row+1)[row])
		case duckdb.TypeUSmallInt:
			at = int(values[uint16](v, row+1)[row])
		default:
			at = int(values[uint32](v, row+1)[row])
		}
		return append(to, words[at]...)
	})
}

// bigOf writes 128 bits as a number.
func bigOf(w wide, signed bool) string {
	high := new(big.Int).SetUint64(uint64(w.high))
	if signed {
		high.SetInt64(w.high)
	}
	return high.Lsh(high, 64).Or(high, new(big.Int).SetUint64(w.low)).String()
}

// uuid writes DuckDB's form, whose highest bit is turned round so that order is kept.
func uuid(w wide) string {
	var b [16]byte
	binary.BigEndian.PutUint64(b[:8], uint64(w.high)^1<<63)
	binary.BigEndian.PutUint64(b[8:], w.low)
	h := hex.EncodeToString(b[:])
	return h[:8] + "-" + h[8:12] + "-" + h[12:16] + "-" + h[16:20] + "-" + h[20:]
}

// interval is DuckDB's (duckdb_interval of duckdb.h).
type interval struct {
	months, days int32
	micros       int64
}

// String writes it as DuckDB does: 1 year 2 months 3 days 04:05:06.
func (i interval) String() string {
	var words []string
	count := func(n int32, unit string) {
		if n == 1 || n == -1 {
			words = append(words, fmt.Sprintf("%d %s", n, unit))
		} else if n != 0 {
			words = append(words, fmt.Sprintf("%d %ss", n, unit))
		}
	}
	count(i.months/12, "year")
	count(i.months%12, "month")
	count(i.days, "day")
	if i.micros != 0 || len(words) == 0 {
		sign, micros := "", i.micros
		if micros < 0 {
			sign, micros = "-", -micros
		}
		words = append(words, sign+clock(micros, 1_000_000))
	}
	return strings.Join(words, " ")
}

// spell is DuckDB's spelling of a type.
func spell(logical duckdb.LogicalType) string {
	if alias := duckdb.LogicalTypeGetAlias(logical); alias != "" {
		return alias
	}
	child := func(t duckdb.LogicalType) string {
		defer duckdb.DestroyLogicalType(&t)
		return spell(t)
	}
	switch id := duckdb.GetTypeId(logical); id {
	case duckdb.TypeDecimal:
		return fmt.Sprintf("DECIMAL(%d,%d)", duckdb.DecimalWidth(logical), duckdb.DecimalScale(logical))
	case duckdb.TypeList:
		return child(duckdb.ListTypeChildType(logical)) + "[]"
	case duckdb.TypeArray:
		return fmt.Sprintf("%s[%d]", child(duckdb.ArrayTypeChildType(logical)), duckdb.ArrayTypeArraySize(logical))
	case duckdb.TypeMap:
		return "MAP(" + child(duckdb.MapTypeKeyType(logical)) + ", " + child(duckdb.MapTypeValueType(logical)) + ")"
	case duckdb.TypeStruct:
		var fields []string
		for i := range duckdb.StructTypeChildCount(logical) {
			fields = append(fields, `"`+strings.ReplaceAll(duckdb.StructTypeChildName(logical, i), `"`, `""`)+`"`+" "+child(duckdb.StructTypeChildType(logical, i)))
		}
		return "STRUCT(" + strings.Join(fields, ", ") + ")"
	default:
		return plainName(id)
	}
}

func plainName(id duckdb.Type) string {
	switch id {
	case duckdb.TypeBoolean:
		return "BOOLEAN"
	case duckdb.TypeTinyInt:
		return "TINYINT"
	case duckdb.TypeSmallInt:
		return "SMALLINT"
	case duckdb.TypeInteger:
		return "INTEGER"
	case duckdb.TypeBigInt:
		return "BIGINT"
	case duckdb.TypeUTinyInt:
		return "UTINYINT"
	case duckdb.TypeUSmallInt:
		return "USMALLINT"
	case duckdb.TypeUInteger:
		return "UINTEGER"
	case duckdb.TypeUBigInt:
		return "UBIGINT"
	case duckdb.TypeFloat:
		return "FLOAT"
	case duckdb.TypeDouble:
		return "DOUBLE"
	case duckdb.TypeTimestamp:
		return "TIMESTAMP"
	case duckdb.TypeDate:
		return "DATE"
	case duckdb.TypeTime:
		return "TIME"
	case duckdb.TypeInterval:
		return "INTERVAL"
	case duckdb.TypeHugeInt:
		return "HUGEINT"
	case duckdb.TypeUHugeInt:
		return "UHUGEINT"
	case duckdb.TypeVarchar:
		return "VARCHAR"
	case duckdb.TypeBlob:
		return "BLOB"
	}
	return rareName(id)
}

func rareName(id duckdb.Type) string {
	switch id {
	case duckdb.TypeTimestampS:
		return "TIMESTAMP_S"
	case duckdb.TypeTimestampMS:
		return "TIMESTAMP_MS"
	case duckdb.TypeTimestampNS:
		return "TIMESTAMP_NS"
	case duckdb.TypeTimestampTZ:
		return "TIMESTAMP WITH TIME ZONE"
	case duckdb.TypeTimeTZ:
		return "TIME WITH TIME ZONE"
	case duckdb.TypeUUID:
		return "UUID"
	case duckdb.TypeEnum:
		return "ENUM"
	case duckdb.TypeUnion:
		return "UNION"
	case duckdb.TypeBit:
		return "BIT"
	case duckdb.TypeBigNum:
		return "BIGNUM"
	case duckdb.TypeGeometry:
		return "GEOMETRY"
	case duckdb.TypeVariant:
		return "VARIANT"
	case duckdb.TypeSQLNull:
		return "NULL"
	}
	return fmt.Sprintf("type %d", id)
}
