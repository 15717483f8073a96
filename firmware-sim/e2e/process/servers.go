package process

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// Answers asks for a page and is content with 200.
func Answers(url string) error {
	response, err := http.Get(url)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("%s: %s", url, response.Status)
	}
	return nil
}

// Accepts connects once.
func Accepts(address string) error {
	conn, err := net.Dial("tcp", address)
	if err != nil {
		return err
	}
	return conn.Close()
}

// Mosquitto starts the broker on a port of loopback. It keeps nothing: what it has confirmed is gone when it is killed.
func Mosquitto(ctx context.Context, dir string, port int) (*Process, error) {
	path, err := look("mosquitto", "/usr/sbin/mosquitto")
	if err != nil {
		return nil, err
	}
	text := fmt.Sprintf("listener %d 127.0.0.1\nallow_anonymous true\npersistence false\nmax_queued_messages 0\n", port)
	if err := os.WriteFile(filepath.Join(dir, "mosquitto.conf"), []byte(text), 0o600); err != nil {
		return nil, fmt.Errorf("write mosquitto.conf: %w", err)
	}
	p, err := Start(dir, "mosquitto", path, "-c", "mosquitto.conf")
	if err != nil {
		return nil, err
	}
	return p, p.ready(ctx, func() error { return Accepts(fmt.Sprintf("127.0.0.1:%d", port)) })
}

// Broker starts mosquitto at an address of loopback where it is installed; elsewhere there is none, and the cloud's own
// broker is to be used. name is "mosquitto" or "embedded".
func Broker(ctx context.Context, dir, addr string) (p *Process, name string, err error) {
	_, text, err := net.SplitHostPort(addr)
	if err != nil {
		return nil, "", fmt.Errorf("start broker: %w", err)
	}
	port, err := strconv.Atoi(text)
	if err != nil {
		return nil, "", fmt.Errorf("start broker: %w", err)
	}
	p, err = Mosquitto(ctx, dir, port)
	if errors.Is(err, ErrMissing) {
		return nil, "embedded", nil
	}
	return p, "mosquitto", err
}

// Victoria starts VictoriaMetrics on a port of loopback.
func Victoria(ctx context.Context, dir string, port int) (*Process, error) {
	path, err := look("victoria-metrics")
	if err != nil {
		return nil, err
	}
	p, err := Start(dir, "victoria", path, fmt.Sprintf("-httpListenAddr=127.0.0.1:%d", port), "-storageDataPath=victoria-data", "-retentionPeriod=12",
		"-search.latencyOffset=0s", "-search.disableCache", "-dedup.minScrapeInterval=1ms", "-loggerLevel=WARN")
	if err != nil {
		return nil, err
	}
	return p, p.ready(ctx, func() error { return Answers(fmt.Sprintf("http://127.0.0.1:%d/health", port)) })
}

// Postgres starts PostgreSQL on a port of loopback; its folder is made the first time. The superuser is "postgres" with
// the password in the file pg-password.
func Postgres(ctx context.Context, dir string, port int) (*Process, error) {
	initdb, err := look("initdb", newest("/usr/lib/postgresql/*/bin/initdb"))
	if err != nil {
		return nil, err
	}
	who, err := credential()
	if err != nil {
		return nil, err
	}
	home := filepath.Join(dir, "pg")
	data := filepath.Join(home, "data")
	if _, err := os.Stat(data); err != nil {
		if err := makeCluster(ctx, initdb, dir, home, who); err != nil {
			return nil, err
		}
	}
	var p *Process
	// After a kill its old children may live for a moment, and the new server refuses to start beside them.
	err = Until(ctx, 30*time.Second, func() error {
		if p, err = startAs(who, home, "postgres", filepath.Join(filepath.Dir(initdb), "postgres"), "-D", data, "-p", strconv.Itoa(port),
			"-k", home, "-c", "listen_addresses=127.0.0.1", "-c", "max_connections=50"); err != nil {
			return err
		}
		return p.ready(ctx, func() error { return Accepts(fmt.Sprintf("127.0.0.1:%d", port)) })
	})
	return p, err
}

func makeCluster(ctx context.Context, initdb, dir, home string, who *syscall.Credential) error {
	password := filepath.Join(dir, "pg-password")
	inside := filepath.Join(home, "password")
	for _, err := range []error{os.Mkdir(home, 0o700), os.WriteFile(password, []byte("proof-only"), 0o600), os.WriteFile(inside, []byte("proof-only"), 0o600)} {
		if err != nil {
			return fmt.Errorf("make database folder: %w", err)
		}
	}
	if who != nil {
		for _, path := range []string{home, inside} {
			if err := os.Chown(path, int(who.Uid), int(who.Gid)); err != nil {
				return fmt.Errorf("make database folder: %w", err)
			}
		}
		if err := passable(dir); err != nil {
			return err
		}
	}
	cmd := exec.CommandContext(ctx, initdb, "-D", filepath.Join(home, "data"), "-A", "scram-sha-256", "--pwfile="+inside, "-U", "postgres", "-E", "UTF8", "--locale=C")
	cmd.Dir, cmd.SysProcAttr = home, &syscall.SysProcAttr{Credential: who}
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("initdb: %w: %s", err, out)
	}
	return nil
}

// passable lets another user go through a proof's folder to his own.
func passable(dir string) error {
	for ; strings.HasPrefix(dir, os.TempDir()+string(filepath.Separator)); dir = filepath.Dir(dir) {
		if err := os.Chmod(dir, 0o711); err != nil {
			return fmt.Errorf("open the way to the database folder: %w", err)
		}
	}
	return nil
}

// credential: PostgreSQL does not run as root.
func credential() (*syscall.Credential, error) {
	if os.Getuid() != 0 {
		return nil, nil
	}
	u, err := user.Lookup("postgres")
	if err != nil {
		return nil, fmt.Errorf("PostgreSQL does not run as root, and there is no user for it: %w", err)
	}
	uid, err := strconv.ParseUint(u.Uid, 10, 32)
	gid, err2 := strconv.ParseUint(u.Gid, 10, 32)
	return &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}, errors.Join(err, err2)
}

// ready waits for a fresh program; one that has ended or never answers is an error.
func (p *Process) ready(ctx context.Context, ask func() error) error {
	err := Until(ctx, 30*time.Second, func() error {
		select {
		case <-p.done:
			return nil
		default:
			return ask()
		}
	})
	select {
	case <-p.done:
		return fmt.Errorf("%s ended at its start: its log says why", p.name)
	default:
	}
	if err != nil {
		p.Kill()
		return fmt.Errorf("%s does not answer: %w", p.name, err)
	}
	return nil
}

// ErrMissing: a program that a proof needs is not installed.
var ErrMissing = errors.New("is not installed")

func look(name string, others ...string) (string, error) {
	if path, err := exec.LookPath(name); err == nil {
		return path, nil
	}
	for _, path := range others {
		if _, err := os.Stat(path); err == nil {
			return path, nil
		}
	}
	return "", fmt.Errorf("%s %w", name, ErrMissing)
}

func newest(pattern string) string {
	found, err := filepath.Glob(pattern)
	if err != nil || len(found) == 0 {
		return ""
	}
	return found[len(found)-1]
}
