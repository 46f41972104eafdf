package control

import "strconv"

// SpoolPrefix begins the name of every file in TempDir that holds a request
// body of this gateway process. The gateway removes them; the master does when
// it died before it could.
func SpoolPrefix(pid int) string { return "body-" + strconv.Itoa(pid) + "-" }
