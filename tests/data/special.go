package data

import (
	"context"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5"
)

// LoadTables fills the empty database at address with so many tables of ten rows, like those of a site with many modules.
func LoadTables(ctx context.Context, address string, n int) error {
	return with(ctx, address, func(d Dialect, execute func(string) error) error {
		key, moment := "int NOT NULL AUTO_INCREMENT PRIMARY KEY", "datetime"
		if d == Postgres {
			key, moment = "serial PRIMARY KEY", "timestamp"
		}
		for i := range n {
			table := fmt.Sprintf("module_%04d_data", i)
			var rows []string
			for row := range 10 {
				rows = append(rows, fmt.Sprintf("('Title %d of %d', 'Lorem ipsum dolor sit amet, number %d', '2026-11-%02d 06:30:00')", row, i, i*row, row+1))
			}
			for _, statement := range []string{
				fmt.Sprintf("CREATE TABLE %s (id %s, title varchar(255) NOT NULL DEFAULT '', body text, changed %s)", table, key, moment),
				fmt.Sprintf("CREATE INDEX %s_title ON %s (title)", table, table),
				fmt.Sprintf("INSERT INTO %s (title, body, changed) VALUES %s", table, strings.Join(rows, ", ")),
			} {
				if err := execute(statement); err != nil {
					return fmt.Errorf("make table %s: %w", table, err)
				}
			}
		}
		return nil
	})
}

// LoadValues fills the empty database at address with a table that has two values of so many megabytes, between short ones. A MySQL
// server needs a max_allowed_packet of more than that.
func LoadValues(ctx context.Context, address string, megabytes int) error {
	return with(ctx, address, func(d Dialect, execute func(string) error) error {
		statements := []string{
			"CREATE TABLE attachment (id int PRIMARY KEY, name varchar(100), content longblob, note longtext)",
			"INSERT INTO attachment VALUES (1, 'short', 'a''b', 'c')",
			fmt.Sprintf("INSERT INTO attachment SELECT 2, 'long text', NULL, REPEAT('line of a log; it''s long\\n', %d)", megabytes*1_000_000/25),
			fmt.Sprintf("INSERT INTO attachment SELECT 3, 'long binary', REPEAT(UNHEX('00ff27220a0d5c1a4142434445464748'), %d), 'd'", megabytes*1_000_000/16),
			"INSERT INTO attachment VALUES (4, 'short', NULL, NULL)",
		}
		if d == Postgres {
			statements = []string{
				"CREATE TABLE attachment (id int PRIMARY KEY, name text, content bytea, note text)",
				"ALTER TABLE attachment ALTER content SET STORAGE external, ALTER note SET STORAGE external",
				"INSERT INTO attachment VALUES (1, 'short', 'ab', 'c')",
				fmt.Sprintf("INSERT INTO attachment SELECT 2, 'long text', NULL, repeat(E'line of a log; it''s long\\n', %d)", megabytes*1_000_000/25),
				// As text, bytes are twice as long, and the server does not send a row of more than a gigabyte.
				fmt.Sprintf("INSERT INTO attachment SELECT 3, 'long binary', decode(repeat('00ff27220a0d5c1a4142434445464748', %d), 'hex'), 'd'", megabytes*1_000_000/32),
				"INSERT INTO attachment VALUES (4, 'short', NULL, NULL)",
			}
		}
		for _, statement := range statements {
			if err := execute(statement); err != nil {
				return fmt.Errorf("run %.40q: %w", statement, err)
			}
		}
		return nil
	})
}

// with connects to a database of either dialect.
func with(ctx context.Context, address string, do func(Dialect, func(statement string) error) error) error {
	if strings.HasPrefix(address, "postgres") {
		conn, err := pgx.Connect(ctx, address)
		if err != nil {
			return fmt.Errorf("connect: %w", err)
		}
		defer conn.Close(context.WithoutCancel(ctx))
		return do(Postgres, func(statement string) error {
			_, err := conn.Exec(ctx, statement)
			return err
		})
	}
	db, err := openMySQL(address)
	if err != nil {
		return err
	}
	defer db.Close()
	return do(MySQL, func(statement string) error {
		_, err := db.ExecContext(ctx, statement)
		return err
	})
}
