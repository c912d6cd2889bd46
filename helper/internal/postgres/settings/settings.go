// Package settings makes sessions of PostgreSQL servers independent of the settings of the server, the database and the role.
// These would otherwise decide what is read, written and compared, and how long that may take. One table says what each
// setting is set to.
package settings

import (
	"context"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/jobiqo/dump-refresh/helper/internal/postgres"
)

// Role is the purpose of a session.
type Role int

// The roles.
const (
	Reading Role = iota // of staging, in one transaction, at whose end the settings end
	Writing             // of the local server
)

// Setting is a setting of a session.
type Setting struct {
	Name, Value string
	// Changed means that the session began with another value.
	Changed bool
	// Source says where its value came from, in the words of pg_settings: "database user" is ALTER ROLE … IN DATABASE … SET.
	Source string
}

// Error means that a setting has a value with which not everything can be read, and that the session's role may not change it.
type Error struct {
	Name, Value string
}

func (e *Error) Error() string {
	return fmt.Sprintf("the server's setting %s is %q, and this role may not change it for itself", e.Name, e.Value)
}

// Apply makes the settings of a connection and returns them; for Reading, they last until its transaction ends. It fails with
// *Error if a setting that matters cannot be changed.
func Apply(ctx context.Context, conn *pgconn.PgConn, role Role) (made []Setting, err error) {
	results, err := conn.Exec(ctx, statement(role)).ReadAll()
	if err != nil {
		return nil, err
	}
	refused := results[len(results)-1].Rows
	if len(refused) > 0 {
		return nil, &Error{Name: string(refused[0][0]), Value: string(refused[0][1])}
	}
	if len(results[len(results)-4].Rows) > 0 {
		made = append(made, Setting{"role", "none", true, "user"})
	}
	for _, row := range results[len(results)-2].Rows {
		made = append(made, Setting{string(row[0]), string(row[1]), string(row[3]) == "t", string(row[2])})
	}
	return made, nil
}

// Again returns statements that make the same settings in a transaction that has just begun. They read nothing, because the
// snapshot of the transaction is yet to be taken.
func Again(made []Setting) []string {
	statements := []string{"SET LOCAL statement_timeout = 0"}
	for _, s := range made {
		statements = append(statements, "SET LOCAL "+s.Name+" = "+postgres.QuoteText(s.Value))
	}
	return statements
}

// Options returns the settings for programs that connect by libpq, in the form of PGOPTIONS: of those that were changed, the
// ones that somebody has set on purpose. It returns "" if there is none, because poolers refuse connections with options.
func Options(made []Setting) string {
	var words []string
	for _, s := range made {
		if s.given() {
			words = append(words, "-c "+s.Name+"="+escapeOption.Replace(s.Value))
		}
	}
	return strings.Join(words, " ")
}

// Given returns the names of the settings that Options has.
func Given(made []Setting) []string {
	var names []string
	for _, s := range made {
		if s.given() {
			names = append(names, s.Name)
		}
	}
	return names
}

// given reports whether a program that connects by libpq must be given the setting.
func (s Setting) given() bool {
	// Every server's configuration file sets the language of amounts and months.
	own := strings.HasPrefix(s.Name, "lc_") && s.Source == "configuration file"
	return s.Changed && s.Source != "default" && !own && !clientsOwn[strings.ToLower(s.Name)]
}

// clientsOwn are settings that pg_dump makes itself, at once.
var clientsOwn = map[string]bool{"search_path": true, "client_encoding": true, "datestyle": true, "intervalstyle": true, "extra_float_digits": true}

var escapeOption = strings.NewReplacer(`\`, `\\`, " ", `\ `)

// statement returns the statements that make those settings that the server knows. They do not depend on its search path.
// If ALTER ROLE … SET role has replaced the account's own role, that comes back, provided that it has all privileges of the
// other one.
func statement(role Role) string {
	local, scope := "false", "SET"
	if role == Reading {
		local, scope = "true", "SET LOCAL"
	}
	from := from(role)
	const may = "(s.context = 'user' OR s.context IN ('superuser', 'superuser-backend') AND (SELECT r.rolsuper FROM pg_catalog.pg_roles r WHERE r.rolname = current_user))"
	return strings.Join([]string{
		scope + " statement_timeout = 0",
		scope + " search_path = pg_catalog",
		"SELECT pg_catalog.set_config('role', 'none', " + local + ") WHERE current_user <> session_user AND pg_catalog.pg_has_role(session_user, current_user, 'USAGE')",
		// Reading pg_settings may already need a temporary file.
		"SELECT pg_catalog.set_config('temp_file_limit', '-1', " + local + ") FROM pg_catalog.pg_roles WHERE rolname = current_user AND rolsuper",
		"SELECT s.name, w.value, s.source, s.reset_val <> w.value, CASE WHEN s.setting <> w.value THEN pg_catalog.set_config(s.name, w.value, " + local + ") END" + from + may,
		"SELECT s.name, s.setting" + from + "w.matters AND s.setting <> w.value AND NOT " + may,
	}, ";\n")
}

// from returns the settings of a role that the server knows, as w, with what the server says of them, as s, up to a condition.
func from(role Role) string {
	var values []string
	for _, s := range settings {
		value := s.reading
		if role == Writing {
			value = s.writing
		}
		if value != leave {
			values = append(values, fmt.Sprintf("(%s, %s, %t)", postgres.QuoteText(s.name), postgres.QuoteText(value), s.matters))
		}
	}
	return " FROM (VALUES " + strings.Join(values, ", ") + ") AS w(name, value, matters) JOIN pg_catalog.pg_settings s ON pg_catalog.lower(s.name) = w.name" +
		" WHERE "
}

// Privileged returns a query for the names and values of those settings of writing sessions that only superusers may make.
func Privileged() string {
	return "SELECT s.name, w.value" + from(Writing) + "s.context IN ('superuser', 'superuser-backend')"
}

// setting is a setting that affects reading or writing, by its name in lower case.
type setting struct {
	name string
	// reading and writing are what sessions of these roles set it to.
	reading, writing string
	// matters means that a session fails if the setting has another value and the role may not change it.
	matters bool
}

// leave is no value; it leaves the setting alone.
const leave = "\x00"

// both returns a setting that both roles make.
func both(name, value string) setting { return setting{name: name, reading: value, writing: value} }

// settings are those that are made. Some of them only superusers may make. Other roles go on without these, unless they matter.
var settings = []setting{
	// How long it may take. The first statement has set statement_timeout.
	// In milliseconds. While we wait for a table of staging, others who want it wait behind us.
	{name: "lock_timeout", reading: "800", writing: "0"},
	both("idle_in_transaction_session_timeout", "0"),
	both("idle_session_timeout", "0"),
	both("transaction_timeout", "0"),
	both("tcp_user_timeout", "0"), // a slow connection must not look like a dead client
	both("exit_on_error", "off"),
	both("temp_file_limit", "-1"), // for building indexes

	// Which rows are seen.
	both("row_security", "off"), // an error instead of only some rows
	both("gin_fuzzy_search_limit", "0"),
	both("synchronize_seqscans", "off"), // otherwise rows come in any order
	both("restrict_nonsystem_relation_kind", ""),
	{name: "zero_damaged_pages", reading: "off", writing: "off", matters: true},
	{name: "ignore_checksum_failure", reading: "off", writing: "off", matters: true},
	both("sql_inheritance", "on"), // before version 10

	both("composite_type_mismatch", "error"), // otherwise wrong bytes are read as values of a type

	// Transactions.
	both("default_transaction_read_only", "off"), // readers begin read-only transactions
	both("default_transaction_isolation", "read committed"),
	both("default_transaction_deferrable", "off"),

	// How values are written and read.
	both("client_encoding", "UTF8"),
	both("datestyle", "ISO, MDY"),
	both("intervalstyle", "postgres"),
	both("extra_float_digits", "3"),
	both("bytea_output", "hex"),
	both("lc_monetary", "C"), // it decides how amounts of money are written
	both("lc_numeric", "C"),
	both("lc_time", "C"),
	both("lc_messages", "C"), // some messages are parsed
	both("xmlbinary", "base64"),
	both("xmloption", "content"),
	both("array_nulls", "on"),
	both("standard_conforming_strings", "on"),
	both("escape_string_warning", "off"),
	both("backslash_quote", "safe_encoding"),
	both("quote_all_identifiers", "off"),
	both("transform_null_equals", "off"), // it would change "= NULL" in a view
	both("operator_precedence_warning", "off"),
	both("client_min_messages", "warning"),

	// How tables are created. Only foreign dumps have names without a schema, and mean the server's default.
	{name: "search_path", reading: "", writing: `"$user", public`},
	{name: "default_tablespace", reading: leave, writing: ""},
	{name: "temp_tablespaces", reading: leave, writing: ""},
	{name: "default_table_access_method", reading: leave, writing: "heap"},
	{name: "default_with_oids", reading: leave, writing: "off"}, // before version 12
	{name: "check_function_bodies", reading: leave, writing: "off"},
	{name: "session_replication_role", reading: leave, writing: "origin"},

	// How much of staging's machine is used: no more processes than the connections that were promised.
	{name: "max_parallel_workers_per_gather", reading: "0", writing: leave},
}

// left are settings that are left alone, and why.
var left = []struct{ reason, names string }{
	{"values are written with their time zones", `timezone timezone_abbreviations`},
	{"it describes this very transaction", `transaction_deferrable transaction_isolation transaction_read_only`},
	{"it decides how fast, not what", `backend_flush_after client_connection_check_interval commit_delay commit_siblings constraint_exclusion
		cpu_index_tuple_cost cpu_operator_cost cpu_tuple_cost cursor_tuple_fraction deadlock_timeout default_statistics_target
		effective_cache_size effective_io_concurrency enable_async_append enable_bitmapscan enable_distinct_reordering
		enable_gathermerge enable_group_by_reordering enable_hashagg enable_hashjoin enable_incremental_sort enable_indexonlyscan
		enable_indexscan enable_material enable_memoize enable_mergejoin enable_nestloop enable_parallel_append enable_parallel_hash
		enable_partition_pruning enable_partitionwise_aggregate enable_partitionwise_join enable_presorted_aggregate
		enable_self_join_elimination enable_seqscan enable_sort enable_tidscan file_copy_method force_parallel_mode debug_parallel_query
		from_collapse_limit geqo geqo_effort geqo_generations geqo_pool_size geqo_seed geqo_selection_bias geqo_threshold
		gin_pending_list_limit hash_mem_multiplier io_combine_limit jit jit_above_cost jit_expressions jit_inline_above_cost
		jit_optimize_above_cost jit_tuple_deforming join_collapse_limit logical_decoding_work_mem maintenance_io_concurrency
		maintenance_work_mem max_parallel_maintenance_workers max_parallel_workers min_parallel_index_scan_size
		min_parallel_table_scan_size parallel_leader_participation parallel_setup_cost parallel_tuple_cost plan_cache_mode
		random_page_cost recursive_worktable_factor scram_iterations seq_page_cost stats_fetch_consistency synchronous_commit
		tcp_keepalives_count tcp_keepalives_idle tcp_keepalives_interval temp_buffers vacuum_buffer_usage_limit vacuum_cost_delay
		vacuum_cost_limit vacuum_cost_page_dirty vacuum_cost_page_hit vacuum_cost_page_miss vacuum_failsafe_age
		vacuum_freeze_min_age vacuum_freeze_table_age vacuum_max_eager_freeze_failure_rate vacuum_multixact_failsafe_age
		vacuum_multixact_freeze_min_age vacuum_multixact_freeze_table_age vacuum_truncate wal_compression wal_init_zero wal_recycle
		wal_skip_threshold work_mem`},
	{"the server reports what it runs out of", `max_stack_depth`},
	{"it decides what is logged or counted", `backtrace_functions compute_query_id debug_discard_caches debug_logical_replication_streaming
		debug_pretty_print debug_print_parse debug_print_plan debug_print_rewritten jit_debugging_support jit_dump_bitcode
		jit_profiling_support log_connections log_disconnections log_duration log_error_verbosity log_executor_stats log_lock_failures
		log_lock_waits log_min_duration_sample log_min_duration_statement log_min_error_statement log_min_messages
		log_parameter_max_length log_parameter_max_length_on_error log_parser_stats log_planner_stats log_replication_commands
		log_statement log_statement_sample_rate log_statement_stats log_temp_files log_transaction_sample_rate md5_password_warnings
		trace_notify trace_sort track_activities track_cost_delay_timing track_counts track_functions track_io_timing
		track_wal_io_timing update_process_title wal_consistency_checking`},
	{"the program sets it itself", `application_name`},
	{"how the server stores what it gets is its own affair", `default_toast_compression password_encryption`},
	{"no statement of ours depends on it, or the dump sets it", `allow_in_place_tablespaces allow_system_table_mods createrole_self_grant
		default_text_search_config dynamic_library_path event_triggers extension_control_path extension_destdir icu_validation_level
		lo_compat_privileges output_plugin_libraries wal_sender_timeout`},
	{"a session cannot change it once it has begun", `ignore_system_indexes local_preload_libraries post_auth_delay session_preload_libraries`},
}
