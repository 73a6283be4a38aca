// Package browser looks at the portal as people do: the demo instance from the built binaries in headless Chromium, each
// page light and dark, wide and narrow, with an accessibility pass (axe-core), without console errors and without a
// request to another host. Screenshots go to the folder SHOTS, when it is set.
package browser
