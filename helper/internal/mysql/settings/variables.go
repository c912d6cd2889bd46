package settings

// variable is a variable of sessions that affects reading or writing.
type variable struct {
	name string
	// reading and writing are what sessions of these roles set it to, SQL literals; "" leaves it alone.
	reading, writing string
	// fine is a value, as the server shows it, with which nothing is set, because setting the variable needs privileges, or
	// because it cannot be set to this value.
	fine string
	// unless is a newer variable of which this is the older name.
	unless string
	// optional means that a session goes on if the account may not set it. Either the server reports what goes wrong then, or
	// nothing does.
	optional bool
}

// both returns a variable that both roles set.
func both(name, value string) variable {
	return variable{name: name, reading: value, writing: value}
}

// local returns a variable that only affects writing.
func local(name, value string) variable { return variable{name: name, writing: value} }

func (v variable) orLeft() variable { v.optional = true; return v }

// unlessIt leaves the variable alone if it already has a value.
func (v variable) unlessIt(is string) variable { v.fine = is; return v }

// olderNameOf names the variable's present name.
func (v variable) olderNameOf(name string) variable { v.unless = name; return v }

// Numbers, some of which mean no limit.
const (
	unlimited = "18446744073709551615"
	aDay      = "86400" // in seconds
)

// variables are those that are set. What only administrators may set is set only if the server has another value.
var variables = []variable{
	// How much is read and returned. The limit of joins comes first, because it turns big selects off.
	both("sql_select_limit", unlimited),
	both("max_join_size", unlimited),
	both("sql_big_selects", "1"),
	both("group_concat_max_len", "67108864"),
	both("sql_safe_updates", "0"),
	both("sql_buffer_result", "0"), // all rows would be copied into a temporary table first
	both("sql_auto_is_null", "0"),
	both("max_sort_length", "1024"),     // longer names would come in any order
	both("sort_buffer_size", "2097152"), // it must hold a few such
	both("max_session_mem_used", "9223372036854775807").orLeft(),
	both("max_tmp_session_space_usage", "0").unlessIt("0").orLeft(),
	both("connection_memory_limit", unlimited).unlessIt(unlimited).orLeft(),
	local("parser_max_mem_size", unlimited).orLeft(),
	// The first limits MEMORY tables; temporary tables are limited by the smallest of them.
	{name: "max_heap_table_size", reading: "16777216", writing: "1073741824", optional: true},
	both("tmp_memory_table_size", "16777216").orLeft(),
	both("tmp_table_size", "16777216").olderNameOf("tmp_memory_table_size").orLeft(),
	both("tmp_disk_table_size", unlimited).orLeft(),

	// How long it may take.
	both("max_statement_time", "0"),
	both("max_execution_time", "0"),
	both("wait_timeout", aDay).orLeft(),
	both("interactive_timeout", aDay).orLeft(),
	both("net_read_timeout", aDay).orLeft(), // a slow connection must not look like a dead client
	both("net_write_timeout", aDay).orLeft(),
	both("idle_transaction_timeout", "0"),
	both("idle_readonly_transaction_timeout", "0"),
	both("idle_write_transaction_timeout", "0"),
	both("lock_wait_timeout", aDay).orLeft(),
	local("innodb_lock_wait_timeout", "3600").orLeft(), // rows only wait for other rows of ours

	// Which rows are seen, and when changes are made last.
	both("autocommit", "1"),
	both("completion_type", "'NO_CHAIN'"),
	both("transaction_isolation", "'REPEATABLE-READ'"),
	both("tx_isolation", "'REPEATABLE-READ'").olderNameOf("transaction_isolation"),
	{name: "transaction_read_only", reading: "1", writing: "0"},
	variable{name: "tx_read_only", reading: "1", writing: "0"}.olderNameOf("transaction_read_only"),
	// There is no literal for "now", but a moment in the far future sees the same rows.
	both("system_versioning_asof", "'2037-12-31 00:00:00'").unlessIt("DEFAULT"),
	local("system_versioning_alter_history", "'ERROR'"),
	local("system_versioning_insert_history", "0"),
	both("query_cache_type", "'OFF'"), // what a dump reads would evict what the site reads
	both("use_secondary_engine", "'OFF'"),

	// What is shown, and how values are written.
	both("sql_mode", "0"),
	both("sql_quote_show_create", "1"),
	both("show_create_table_verbosity", "0"),
	both("show_create_table_skip_secondary_engine", "0"),
	both("show_gipk_in_create_table_and_information_schema", "1"),
	both("show_old_temporals", "0"),
	both("information_schema_stats_expiry", "0"), // otherwise counts and the next AUTO_INCREMENT may be out of date
	both("explain_format", "'TRADITIONAL'"),
	both("lc_messages", "'en_US'").orLeft(), // some messages are parsed
	both("lc_time_names", "'en_US'"),
	// Times in a foreign dump are meant in the local server's time zone, as those of its sites are.
	{name: "time_zone", reading: "'+00:00'"},
	both("default_week_format", "0"),
	both("div_precision_increment", "4"),
	both("default_regex_flags", "0"),
	both("block_encryption_mode", "'aes-128-ecb'"),
	both("standard_compliant_cte", "1"),
	both("sql_notes", "1"),
	both("sql_warnings", "0"),
	both("note_verbosity", "'basic,explain'"),
	local("max_error_count", "1024").unlessIt("1024").orLeft(),
	both("old", "0").orLeft(),
	// Since 10.6 a setting decides what "utf8" means. In a dump it means what it always meant.
	both("old_mode", "'UTF8_IS_UTF8MB3'").orLeft(),
	// Which collation a character set implies, as at the time when dumps did not name it.
	both("character_set_collations", "'utf8mb4=utf8mb4_general_ci'"),
	local("default_collation_for_utf8mb4", "utf8mb4_0900_ai_ci").unlessIt("utf8mb4_0900_ai_ci"),

	// How tables are created.
	local("default_storage_engine", "'InnoDB'"),
	local("storage_engine", "'InnoDB'").olderNameOf("default_storage_engine"),
	local("default_tmp_storage_engine", "'InnoDB'"),
	local("enforce_storage_engine", "NULL").unlessIt("InnoDB"),
	local("explicit_defaults_for_timestamp", "1").orLeft(), // MySQL 5.6 and old MariaDB take it on the command line only
	local("innodb_strict_mode", "0").unlessIt("OFF").orLeft(),
	local("innodb_compression_default", "0"),
	local("sql_require_primary_key", "0").unlessIt("OFF").orLeft(), // the server names it
	local("sql_generate_invisible_primary_key", "0").unlessIt("OFF"),
	local("restrict_fk_on_non_standard_key", "0").orLeft(), // likewise
	local("mhnsw_default_m", "6"),
	local("mhnsw_default_distance", "'euclidean'"),
	local("innodb_ft_enable_stopword", "1"),

	// What statements do.
	local("sql_if_exists", "0"), // a missing table would be no error
	local("foreign_key_checks", "0"),
	local("unique_checks", "1"),
	local("check_constraint_checks", "1"),
	local("auto_increment_increment", "1").orLeft(),
	local("auto_increment_offset", "1").orLeft(),
	local("alter_algorithm", "'DEFAULT'"),
	local("old_alter_table", "0").olderNameOf("alter_algorithm"),
	local("updatable_views_with_limit", "'YES'"),
}

// decided are the variables by their names.
var decided = func() map[string]variable {
	all := map[string]variable{}
	for _, v := range variables {
		all[v.name] = v
	}
	return all
}()

// left are variables that are left alone, and why.
var left = []struct{ reason, names string }{
	{"SET NAMES sets it, or USE does", `character_set_client character_set_connection character_set_results collation_connection
		character_set_database collation_database`},
	{"a database that is made gets it as every database that is made on this server", `character_set_server collation_server`},
	{"no file is read or written by a statement of ours", `character_set_filesystem select_into_buffer_size select_into_disk_sync
		select_into_disk_sync_delay`},
	{"it decides how fast, not what", `analyze_max_length analyze_sample_percentage aria_repair_threads aria_sort_buffer_size aria_stats_method
		big_tables bulk_insert_buffer_size column_compression_threshold column_compression_zlib_level column_compression_zlib_strategy
		column_compression_zlib_wrap connection_memory_chunk_size global_connection_memory_tracking deadlock_search_depth_long
		deadlock_search_depth_short deadlock_timeout_long deadlock_timeout_short eq_range_index_dive_limit expensive_subquery_limit
		histogram_generation_max_mem_size histogram_size histogram_type in_predicate_conversion_threshold innodb_ddl_buffer_size
		innodb_ddl_threads innodb_parallel_read_threads innodb_tmpdir internal_tmp_mem_storage_engine join_buffer_size
		join_buffer_space_limit join_cache_level low_priority_updates max_delayed_threads max_insert_delayed_threads
		max_length_for_sort_data max_rowid_filter_size max_seeks_for_key max_tmp_tables mhnsw_ef_search mrr_buffer_size
		multi_range_count myisam_repair_threads myisam_sort_buffer_size myisam_stats_method net_buffer_length net_retry_count new new_mode
		optimizer_adjust_secondary_key_costs optimizer_extra_pruning_depth optimizer_join_limit_pref_ratio optimizer_max_sel_arg_weight
		optimizer_max_sel_args optimizer_max_subgraph_pairs optimizer_prune_level optimizer_scan_setup_cost optimizer_search_depth
		optimizer_selectivity_sampling_limit optimizer_switch optimizer_use_condition_selectivity optimizer_where_cost preload_buffer_size
		query_alloc_block_size query_cache_strip_comments query_cache_wlock_invalidate query_prealloc_size range_alloc_block_size
		range_optimizer_max_mem_size read_buffer_size read_rnd_buffer_size rowid_merge_buff_size secondary_engine_cost_threshold
		set_operations_buffer_size tcp_nodelay thread_pool_priority
		transaction_alloc_block_size transaction_prealloc_size use_stat_tables windowing_use_high_precision
		innodb_table_locks innodb_support_xa innodb_snapshot_isolation enable_secondary_engine_statistics`},
	{"it decides what is logged or told, of which nothing is read", `end_markers_in_json explain_json_format_version log_disabled_statements
		log_queries_not_using_indexes log_slow_admin_statements log_slow_always_query_time log_slow_disabled_statements log_slow_filter
		log_slow_max_warnings log_slow_min_examined_row_limit log_slow_query log_slow_query_time log_slow_rate_limit
		log_slow_slave_statements log_slow_verbosity log_warnings long_query_time min_examined_row_limit optimizer_trace
		optimizer_trace_features optimizer_trace_limit optimizer_trace_max_mem_size optimizer_trace_offset print_identified_with_as_hex
		profiling profiling_history_size progress_report_time redirect_url resultset_metadata session_track_gtids session_track_schema
		session_track_state_change session_track_system_variables session_track_transaction_info slow_query_log sql_log_off
		terminology_use_previous`},
	{"it is about replicas, whose affair it is how they come to what we write", `binlog_alter_two_phase binlog_annotate_row_events
		binlog_direct_non_transactional_updates binlog_format binlog_row_image binlog_row_value_options binlog_rows_query_log_events
		binlog_transaction_compression binlog_transaction_compression_level_zstd default_master_connection group_replication_consistency
		gtid_domain_id gtid_next gtid_seq_no immediate_server_version max_relay_log_size original_commit_timestamp
		original_server_version pseudo_replica_mode pseudo_slave_mode pseudo_thread_id rbr_exec_mode require_row_format server_id
		skip_parallel_replication skip_replication sql_log_bin sql_slave_skip_counter transaction_allow_batching transaction_write_set_extraction wsrep_causal_reads
		wsrep_dirty_reads wsrep_gtid_seq_no wsrep_on wsrep_osu_method wsrep_retry_autocommit wsrep_sync_wait wsrep_trx_fragment_size
		wsrep_trx_fragment_unit xa_detach_on_prepare`},
	{"no statement of ours does what it is about", `cte_max_recursion_depth enable_cascade_triggers external_table_secondary_storage_engine
		external_table_storage_engine generated_random_password_length keep_files_on_create max_points_in_geometry
		max_recursive_iterations max_sp_recursion_depth old_passwords`},
	{"the server's keys and words are its own", `default_table_encryption innodb_default_encryption_key_id innodb_ft_user_stopword_table`},
	{"a session cannot change it", `error_count external_user identity in_transaction insert_id last_gtid last_insert_id
		max_allowed_packet max_user_connections proxy_user rand_seed1 rand_seed2 statement_id timestamp warning_count`},
}
