package peer

import (
	"context"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
)

// fpm is nginx in front of php-fpm, as Debian packages them.
func fpm() Peer {
	return Peer{
		Name: "nginx-fpm", Beside: "gw-php", Scenarios: []string{Hello, Vary, JSON},
		Absent: func(k *Kit) string {
			if _, err := fpmProgram(); err != nil {
				return err.Error()
			}
			return needs("nginx")(k)
		},
		Start: func(ctx context.Context, _ *Kit, j Job) (*Server, error) {
			target, err := freePort()
			if err != nil {
				return nil, err
			}
			program, err := fpmProgram()
			if err != nil {
				return nil, err
			}
			files := map[string]string{"fpm.conf": fpmConfig(j), "nginx.conf": nginxConfig(j, target), "serve.sh": serveBoth}
			for name, text := range files {
				if err := os.WriteFile(filepath.Join(j.Dir, name), []byte(text), 0o644); err != nil {
					return nil, err
				}
			}
			return serveInForeground(ctx, j.Dir, nil, target, "sh", "serve.sh", program)
		},
	}
}

// fpmProgram finds php-fpm, whose name Debian gives a version.
func fpmProgram() (string, error) {
	found, err := filepath.Glob("/usr/sbin/php-fpm*")
	if err != nil || len(found) == 0 {
		return "", fmt.Errorf("php-fpm not found")
	}
	return slices.Max(found), nil
}

// serveBoth runs both as children of one process, and ends both with it.
const serveBoth = `"$1" --nodaemonize --allow-to-run-as-root --fpm-config "$PWD/fpm.conf" & fpm=$!
until [ -S fpm.sock ]; do sleep 0.02; done
nginx -p "$PWD" -c "$PWD/nginx.conf" & nginx=$!
trap 'kill $fpm $nginx; wait; exit 0' TERM
wait
`

func fpmConfig(j Job) string {
	return fmt.Sprintf(`[global]
error_log = /dev/stderr
[bench]
%s
listen = %s/fpm.sock
pm = static
pm.max_children = %d
php_admin_value[opcache.enable] = 1
`, asUser("user = root\ngroup = root"), j.Dir, j.Workers)
}

// nginxConfig has no fastcgi_keep_conn: a child of php-fpm serves one connection
// at a time, so 64 kept open would starve each other.
func nginxConfig(j Job, target netip.AddrPort) string {
	return fmt.Sprintf(`daemon off;
%s
worker_processes 1;
pid nginx.pid;
error_log stderr warn;
events { worker_connections 4096; }
http {
  access_log off;
  client_body_temp_path body; fastcgi_temp_path fastcgi; proxy_temp_path proxy; uwsgi_temp_path uwsgi; scgi_temp_path scgi;
  client_body_buffer_size 16k;
  keepalive_requests 1000000000;
  server {
    listen %[2]s;
    location / {
      fastcgi_pass unix:%[3]s/fpm.sock;
      fastcgi_param SCRIPT_FILENAME %[3]s/fpm.php;
      fastcgi_param REQUEST_METHOD $request_method;
      fastcgi_param QUERY_STRING $query_string;
      fastcgi_param REQUEST_URI $request_uri;
      fastcgi_param CONTENT_TYPE $content_type;
      fastcgi_param CONTENT_LENGTH $content_length;
    }
  }
}
`, asUser("user root;"), target, j.Dir)
}

// asUser is a line that is only right, and needed, for root: the folder is ours.
func asUser(line string) string {
	if os.Getuid() == 0 {
		return line
	}
	return ""
}
