package pgsession

// setting is a setting that decides what comes of us, by its name in small letters.
type setting struct {
	name string
	// reading and writing are what sessions of the roles set it to.
	reading, writing string
	// matters says that nothing goes on where it is another value that the role may not change.
	matters bool
}

// leave is no value: the setting stays as it is.
const leave = "\x00"

// both is a setting that both roles make.
func both(name, value string) setting { return setting{name: name, reading: value, writing: value} }

// settings are those that are made. Only superusers may make some of them; others go without, but for those that matter.
var settings = []setting{
	// How long it may take. The first statement has set statement_timeout.
	// In milliseconds. Who wants a table of staging waits behind us while we wait for it.
	{name: "lock_timeout", reading: "800", writing: "0"},
	both("idle_in_transaction_session_timeout", "0"),
	both("idle_session_timeout", "0"),
	both("transaction_timeout", "0"),
	both("tcp_user_timeout", "0"), // a slow line must not look like a dead client
	both("exit_on_error", "off"),

	// Which rows are seen.
	both("row_security", "off"), // an error instead of some rows
	both("gin_fuzzy_search_limit", "0"),
	both("synchronize_seqscans", "off"), // or they come in any order
	both("restrict_nonsystem_relation_kind", ""),
	{name: "zero_damaged_pages", reading: "off", writing: "off", matters: true},
	{name: "ignore_checksum_failure", reading: "off", writing: "off", matters: true},
	both("sql_inheritance", "on"), // before version 10

	// Transactions.
	both("default_transaction_read_only", "off"), // those that read say so themselves
	both("default_transaction_isolation", "read committed"),
	both("default_transaction_deferrable", "off"),

	// How values are written and read.
	both("client_encoding", "UTF8"),
	both("datestyle", "ISO, MDY"),
	both("intervalstyle", "postgres"),
	both("extra_float_digits", "3"),
	both("bytea_output", "hex"),
	both("lc_monetary", "C"), // amounts of money are texts in it
	both("lc_numeric", "C"),
	both("lc_time", "C"),
	both("lc_messages", "C"), // some are read
	both("xmlbinary", "base64"),
	both("xmloption", "content"),
	both("array_nulls", "on"),
	both("standard_conforming_strings", "on"),
	both("escape_string_warning", "off"),
	both("backslash_quote", "safe_encoding"),
	both("quote_all_identifiers", "off"),
	both("transform_null_equals", "off"), // a view's "= NULL" would be made another one
	both("operator_precedence_warning", "off"),
	both("client_min_messages", "warning"),

	// What tables are made as. Names without a schema are of foreign dumps, which mean the server's default.
	{name: "search_path", reading: "", writing: `"$user", public`},
	{name: "default_tablespace", reading: leave, writing: ""},
	{name: "temp_tablespaces", reading: leave, writing: ""},
	{name: "default_table_access_method", reading: leave, writing: "heap"},
	{name: "default_with_oids", reading: leave, writing: "off"}, // before version 12
	{name: "check_function_bodies", reading: leave, writing: "off"},
	{name: "session_replication_role", reading: leave, writing: "origin"},

	// How staging's machine is used: these connections are as many as were promised.
	{name: "max_parallel_workers_per_gather", reading: "0", writing: leave},
}

// left are settings that are left as they are, and why.
var left = []struct{ reason, names string }{
	{"values are written with their zones", `timezone timezone_abbreviations`},
	{"it is what this very transaction is", `transaction_deferrable transaction_isolation transaction_read_only`},
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
	{"the server says what it is short of", `max_stack_depth temp_file_limit`},
	{"it decides what is logged or counted", `backtrace_functions compute_query_id debug_discard_caches debug_logical_replication_streaming
		debug_pretty_print debug_print_parse debug_print_plan debug_print_rewritten jit_debugging_support jit_dump_bitcode
		jit_profiling_support log_connections log_disconnections log_duration log_error_verbosity log_executor_stats log_lock_failures
		log_lock_waits log_min_duration_sample log_min_duration_statement log_min_error_statement log_min_messages
		log_parameter_max_length log_parameter_max_length_on_error log_parser_stats log_planner_stats log_replication_commands
		log_statement log_statement_sample_rate log_statement_stats log_temp_files log_transaction_sample_rate md5_password_warnings
		trace_notify trace_sort track_activities track_cost_delay_timing track_counts track_functions track_io_timing
		track_wal_io_timing update_process_title wal_consistency_checking`},
	{"the program says it itself", `application_name`},
	{"how the server keeps what it is given is its own affair", `default_toast_compression password_encryption`},
	{"no statement of ours does what it is about, or its dump says it", `allow_in_place_tablespaces allow_system_table_mods createrole_self_grant
		default_text_search_config dynamic_library_path event_triggers extension_control_path extension_destdir icu_validation_level
		lo_compat_privileges wal_sender_timeout`},
	{"a session cannot change it once it has begun", `ignore_system_indexes local_preload_libraries post_auth_delay session_preload_libraries`},
}
