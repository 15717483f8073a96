package dbtest

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/linshao/linshao/firmware-sim/freeport"
)

// Server is one PostgreSQL server on loopback, with a folder of its own.
type Server struct {
	dir      string
	addr     string
	password string
	account  *syscall.Credential // root must not run it
	programs string
	cmd      *exec.Cmd
	stdin    io.Closer // closing it stops the server; so does the end of this process, whatever ends it
	mu       sync.Mutex
	made     int // databases
}

// shared is the server of the test binary: it outlives the test that starts it, and nothing but a variable does.
var shared struct {
	once sync.Once
	*Server
	err error
}

// Suite is the tests of a package, for goleak.VerifyTestMain.
type Suite struct{ m *testing.M }

// Main makes the suite that stops the server when the tests have run.
func Main(m *testing.M) Suite { return Suite{m} }

// Run runs the tests.
func (s Suite) Run() int {
	code := s.m.Run()
	if shared.Server != nil {
		shared.Stop()
	}
	return code
}

var errMissing = errors.New("needs PostgreSQL: apt-get install postgresql")

// Shared answers the server of all tests of the package, or skips the test.
func Shared(t testing.TB) *Server {
	t.Helper()
	shared.once.Do(func() { shared.Server, shared.err = Start(t.Context()) })
	if errors.Is(shared.err, errMissing) && os.Getenv("LINSHAO_REQUIRE") != "1" {
		t.Skip(shared.err)
	}
	if shared.err != nil {
		t.Fatal(shared.err)
	}
	return shared.Server
}

// Start makes and starts a server for one test alone, which must stop it.
func Start(ctx context.Context) (*Server, error) {
	s := &Server{password: rand.Text()}
	var err error
	if s.programs, err = programs(); err != nil {
		return nil, err
	}
	if s.dir, err = os.MkdirTemp(memory(), "linshao-postgres-"); err != nil {
		return nil, fmt.Errorf("make folder of PostgreSQL: %w", err)
	}
	if err = s.initialize(); err == nil {
		err = s.Restart(ctx)
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("start PostgreSQL: %w", err), os.RemoveAll(s.dir))
	}
	return s, nil
}

// programs is the folder of the newest PostgreSQL of this machine.
func programs() (string, error) {
	found, err := filepath.Glob("/usr/lib/postgresql/*/bin/initdb") // where Debian keeps them, outside of PATH
	if err != nil {
		return "", fmt.Errorf("look for PostgreSQL: %w", err)
	}
	if path, err := exec.LookPath("initdb"); err == nil && len(found) == 0 {
		found = append(found, path)
	}
	if len(found) == 0 {
		return "", errMissing
	}
	return filepath.Dir(slices.Max(found)), nil
}

// initialize makes the cluster.
func (s *Server) initialize() error {
	if os.Getuid() == 0 {
		u, err := user.Lookup("postgres")
		if err != nil {
			return fmt.Errorf("look for user postgres: %w", err)
		}
		uid, err1 := strconv.Atoi(u.Uid)
		gid, err2 := strconv.Atoi(u.Gid)
		if err := errors.Join(err1, err2, os.Chown(s.dir, uid, gid)); err != nil {
			return fmt.Errorf("give the folder to postgres: %w", err)
		}
		s.account = &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}
	}
	file := filepath.Join(s.dir, "password")
	if err := os.WriteFile(file, []byte(s.password), 0o644); err != nil { // the folder itself is closed to others
		return fmt.Errorf("write password: %w", err)
	}
	out, err := s.command("initdb", "-D", filepath.Join(s.dir, "data"), "-A", "scram-sha-256", "--pwfile="+file, "-U", "postgres", "-N", "-E", "UTF8", "--locale=C.UTF-8").CombinedOutput()
	if err != nil {
		return fmt.Errorf("initdb: %w: %s", err, out)
	}
	port, err := freeport.Find()
	s.addr = fmt.Sprint("127.0.0.1:", port)
	return err
}

func (s *Server) command(program string, args ...string) *exec.Cmd {
	cmd := exec.Command(filepath.Join(s.programs, program), args...)
	cmd.Dir, cmd.SysProcAttr = s.dir, &syscall.SysProcAttr{Credential: s.account}
	return cmd
}

// keeper runs the server until its own input ends, which the end of the test's process brings about too; then it deletes
// the folder if it was told to.
const keeper = `"$0" "$@" & pid=$!; read -r word; kill -QUIT $pid; wait $pid; [ "$word" = keep ] || rm -rf "$PWD"`

// Restart starts the server, after Kill too. Settings are added to those of the file, such as "synchronous_commit=off".
func (s *Server) Restart(ctx context.Context, settings ...string) error {
	_, port, err := net.SplitHostPort(s.addr)
	if err != nil {
		return err
	}
	args := []string{"-c", keeper, filepath.Join(s.programs, "postgres"), "-D", filepath.Join(s.dir, "data"), "-p", port, "-k", s.dir,
		"-c", "listen_addresses=127.0.0.1", "-c", "max_connections=200", "-c", "shared_buffers=32MB"}
	for _, set := range settings {
		args = append(args, "-c", set)
	}
	s.cmd = exec.Command("/bin/sh", args...)
	s.cmd.Dir, s.cmd.SysProcAttr = s.dir, &syscall.SysProcAttr{Credential: s.account}
	if s.stdin, err = s.cmd.StdinPipe(); err != nil {
		return err
	}
	if err := s.cmd.Start(); err != nil {
		return err
	}
	limit, tick := time.After(30*time.Second), time.NewTicker(20*time.Millisecond)
	defer tick.Stop()
	for {
		err := s.exec(ctx, "postgres", "SELECT 1")
		if err == nil {
			return nil
		}
		select {
		case <-tick.C:
		case <-limit:
			return fmt.Errorf("not ready within 30 s: %w", err)
		}
	}
}

// Kill ends the server at once, as a crash does; its files stay.
func (s *Server) Kill() {
	if w, ok := s.stdin.(io.Writer); ok {
		_, _ = io.WriteString(w, "keep\n")
	}
	s.end()
}

// Stop ends the server and deletes its files.
func (s *Server) Stop() {
	s.end()
	_ = os.RemoveAll(s.dir)
}

func (s *Server) end() {
	_ = s.stdin.Close()
	_ = s.cmd.Wait()
}

// URL is the address of a database of the server, without the password.
func (s *Server) url(database string) string {
	return (&url.URL{Scheme: "postgres", User: url.User("postgres"), Host: s.addr, Path: "/" + database, RawQuery: "sslmode=disable"}).String()
}

// Exec runs statements as the server's owner.
func (s *Server) Exec(t testing.TB, database, statements string) {
	t.Helper()
	if err := s.exec(t.Context(), database, statements); err != nil {
		t.Fatalf("%s: %v", statements, err)
	}
}

func (s *Server) exec(ctx context.Context, database, statements string) error {
	conf, err := pgx.ParseConfig(s.url(database))
	if err != nil {
		return err
	}
	conf.Password = s.password
	c, err := pgx.ConnectConfig(ctx, conf)
	if err != nil {
		return err
	}
	_, err = c.Exec(ctx, statements)
	return errors.Join(err, c.Close(ctx))
}

func (s *Server) create(t testing.TB) string {
	t.Helper()
	s.mu.Lock()
	s.made++
	name := "t" + strconv.Itoa(s.made)
	s.mu.Unlock()
	s.Exec(t, "postgres", "CREATE DATABASE "+name)
	return name
}

// Database makes an empty database and answers its place.
func (s *Server) Database(t testing.TB) *Place {
	t.Helper()
	return &Place{Name: "postgres", URL: s.url(s.create(t)), Password: s.password, dir: t.TempDir()}
}

// Database is the name of a place's database at its server.
func (p *Place) Database() string {
	return p.URL[strings.LastIndexByte(p.URL, '/')+1 : strings.IndexByte(p.URL, '?')]
}
