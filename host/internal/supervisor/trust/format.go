package trust

import "encoding/binary"

// elfMachines maps e_machine, class (1 = 32 bit, 2 = 64 bit) and byte order (1 = little) to Go's name.
var elfMachines = map[[3]uint16]string{
	{3, 1, 1}: "386", {62, 2, 1}: "amd64", {40, 1, 1}: "arm", {183, 2, 1}: "arm64", {243, 2, 1}: "riscv64",
	{258, 2, 1}: "loong64", {21, 2, 1}: "ppc64le", {21, 2, 2}: "ppc64", {22, 2, 2}: "s390x",
	{8, 1, 1}: "mipsle", {8, 1, 2}: "mips", {8, 2, 1}: "mips64le", {8, 2, 2}: "mips64",
}

var machOMachines = map[uint32]string{0x01000007: "amd64", 0x0100000c: "arm64"}

func formatHere(goos string) string {
	switch goos {
	case "darwin", "ios":
		return "mach-o"
	case "windows":
		return "pe"
	default:
		return "elf"
	}
}

// formatOf names the executable format of a file by its head, and its machine where the head tells.
func formatOf(head []byte) (format, machine string) {
	switch {
	case len(head) >= 20 && string(head[:4]) == "\x7fELF":
		var order binary.ByteOrder = binary.LittleEndian
		if head[5] == 2 {
			order = binary.BigEndian
		}
		name, ok := elfMachines[[3]uint16{order.Uint16(head[18:]), uint16(head[4]), uint16(head[5])}]
		if !ok {
			name = "another machine"
		}
		return "elf", name
	case len(head) >= 8 && binary.LittleEndian.Uint32(head) == 0xfeedfacf:
		name, ok := machOMachines[binary.LittleEndian.Uint32(head[4:])]
		if !ok {
			name = "another machine"
		}
		return "mach-o", name
	case len(head) >= 8 && binary.BigEndian.Uint32(head) == 0xcafebabe:
		return "mach-o", "" // several machines in one file
	case len(head) >= 2 && string(head[:2]) == "MZ":
		return "pe", ""
	}
	return "", ""
}
