package disk

import "golang.org/x/sys/windows"

func space(dir string) (free, total uint64, err error) {
	name, err := windows.UTF16PtrFromString(dir)
	if err != nil {
		return 0, 0, err
	}
	var ours, whole, all uint64
	err = windows.GetDiskFreeSpaceEx(name, &ours, &whole, &all)
	return ours, whole, err
}
