package project

import "slices"

// Presets: the tables that come without their rows, by what DDEV calls the project's type.
//
// A table is in here if its rows are of no use away from the server that wrote them: caches, sessions,
// locks and flood counters, log lines, jobs that are to run there. Many of them hold personal data
// (addresses, user agents, form input), and they are often half of a database.
//
// A table is not in here if
//   - the site would have to be rebuilt by hand: search indexes, route and menu tables, Magento's
//     change logs (whose counters other tables remember), TYPO3's reference index;
//   - an editor or a customer made its rows: drafts, carts, form submissions, orders. Masking is for those;
//   - its name could be that of a table with content. Patterns are therefore anchored: cache_* does
//     not mean cachet_content, and *_sessions, which would mean conference_sessions, is not used.
//
// Table prefixes: where an application always has one (WordPress, Joomla), the patterns allow for it.
// Where it is rare (Drupal, Magento, Shopware), a project that has one lists its tables in rules.yaml.
//
// The lists started from what others use: drush's structure tables (cache, cache_*, history, sessions,
// watchdog; its search_* would also mean search_api_*, which is configuration), n98-magerun's
// @stripped group, shopware-cli's --clean list, Craft's own backup command, TYPO3 deployment recipes.

var drupalPreset = []string{
	// Cache bins; core's convention for every module. cachetags counts invalidations of those bins.
	"cache", "cache_*", "cachetags",
	// CTools: generated CSS, and forms that were open on staging.
	"ctools_css_cache", "ctools_object_cache",
	"sessions", "persistent_login",
	// Drupal 8+: unfinished forms and other values that expire. key_value, without expire, is configuration.
	"key_value_expire",
	"semaphore", "flood", "batch", "captcha_sessions",
	// Jobs for staging's cron. Run locally as well, they would be done twice, and mails would be sent twice.
	"queue", "purge_queue",
	// Logs. history says who read what, and when.
	"watchdog", "accesslog", "history", "maillog", "redirect_404", "feeds_log", "ultimate_cron_log",
	"devel_queries", "devel_times",
}

var backdropPreset = []string{
	"cache", "cache_*",
	"sessions", "tempstore", "semaphore", "flood", "batch", "queue",
	"watchdog", "history", "redirect_404",
}

var wordpressPreset = []string{
	// WordPress keeps its own caches and sessions in the rows of wp_options and wp_usermeta: only plug-ins have tables.
	"*_woocommerce_sessions", "*_wc_rate_limits",
	"*_wpr_rocket_cache", "*_wpr_rucss_used_css", "*_wpr_above_the_fold", "*_wpr_lazy_render_content",
	// Action Scheduler: its log. Its actions, such as due dates of subscriptions, stay.
	"*_actionscheduler_logs", "*_cavalcade_logs", "*_woocommerce_log",
	// Redirection: its logs. Its items, the redirects, stay.
	"*_redirection_404", "*_redirection_logs", "*_rank_math_404_logs",
	// Who did what.
	"*_wsal_occurrences", "*_wsal_metadata", "*_aryo_activity_log",
	"*_simple_history", "*_simple_history_contexts", "wp_stream", "wp_stream_meta",
	// Mails that were sent.
	"*_wpml_mails", "*_wpmailsmtp_debug_events", "*_wpmailsmtp_emails_log", "*_email_log", "*_fsmpt_email_logs",
	// Visitors.
	"*_statistics_visitor", "*_statistics_visitor_relationships", "*_statistics_useronline",
	"*_matomo_log_*", "*_slim_stats", "*_slim_events",
	// Security plug-ins: traffic and log-ins. Wordfence used to write its tables in mixed case.
	"*_wfhits", "*_wfHits", "*_wflogins", "*_wfLogins", "*_wfcrawlers", "*_wfCrawlers",
	"*_wfreversecache", "*_wfReverseCache", "*_wfsnipcache", "*_wfSNIPCache",
	"*_wftrafficrates", "*_wfTrafficRates", "*_wfknownfilelist", "*_wfKnownFileList",
	"*_wffilemods", "*_wfFileMods", "*_wfstatus", "*_wfStatus",
	"*_cerber_log", "*_cerber_traffic", "*_itsec_logs", "*_itsec_temp",
}

var typo3Preset = []string{
	// The caching framework; cf_* up to version 9.
	"cache_*", "cf_*", "tx_realurl_urlencodecache", "tx_realurl_urldecodecache",
	"be_sessions", "fe_sessions", "fe_session_data", "sys_lockedrecords",
	// Logs; sys_history has every former value of every record. Of the search index, index_*, only the log is here.
	"sys_log", "sys_history", "sys_http_report", "index_stat_search", "index_stat_word", "tx_devlog",
	"tx_solr_cache", "tx_solr_cache_tags", "tx_solr_statistics", "tx_solr_last_searches",
	// Jobs.
	"sys_messenger_messages", "tx_crawler_queue", "tx_crawler_process",
	// The list of all available extensions, which can be downloaded again.
	"tx_extensionmanager_domain_model_extension",
}

var magentoPreset = []string{
	"core_cache", "core_cache_tag", "core_session", "api_session",
	// log_summary_type and report_event_types are not logs but fixed lists: no log_* or report_*.
	"log_customer", "log_quote", "log_summary", "log_url", "log_url_info",
	"log_visitor", "log_visitor_info", "log_visitor_online",
	"report_event", "report_compared_product_index", "report_viewed_*",
	"dataflow_batch", "dataflow_batch_export", "dataflow_batch_import", "dataflow_import_data", "dataflow_session",
	"cron_schedule",
}

var magento2Preset = []string{
	"cache", "cache_tag", "session", "persistent_session", "admin_user_session",
	"customer_visitor", "customer_log", "oauth_nonce", "password_reset_request_event",
	"report_event", "report_compared_product_index", "report_viewed_*",
	"reporting_counts", "reporting_module_status", "reporting_orders", "reporting_system_updates", "reporting_users",
	"magento_logging_event", "magento_logging_event_changes",
	// Jobs. The table queue, which is the list of queues, stays.
	"cron_schedule", "queue_message", "queue_message_status", "queue_lock", "magento_bulk", "magento_operation",
}

var shopware6Preset = []string{
	// Carts are like sessions here: every visitor has one, and it is deleted after some months.
	"cart", "refresh_token", "payment_token", "customer_recovery", "user_recovery",
	"log_entry", "import_export_log", "webhook_event_log", "notification",
	"dead_message", "enqueue", "messenger_messages", "message_queue_stats", "elasticsearch_index_task", "increment",
	// The log of changes; the data itself is in the tables of each entity.
	"version", "version_commit", "version_commit_data",
}

// craftcmsPreset has each name with and without craft_, the prefix that Craft's installer suggested for years.
var craftcmsPreset = bothWays("craft_",
	"cache", "templatecaches", "templatecachecriteria", "templatecacheelements", "templatecachequeries",
	"sessions", "phpsessions", "resourcepaths", "assetindexdata", "assettransformindex", "imagetransformindex",
	"elementactivity", "deprecationerrors", "queue",
)

// joomlaPreset allows for any prefix: the installer makes one up, of five characters; earlier ones suggested jos.
var joomlaPreset = append(
	withPrefix("?????_", "session", "user_keys", "action_logs", "scheduler_logs"),
	withPrefix("jos_", "session", "user_keys", "action_logs", "scheduler_logs")...,
)

var laravelPreset = []string{
	// Laravel's own names. jobs is not here: it is small, and many sites store vacancies in it.
	"cache", "cache_locks", "sessions", "failed_jobs", "job_batches", "password_resets", "password_reset_tokens",
	"telescope_entries", "telescope_entries_tags", "pulse_aggregates", "pulse_entries", "pulse_values",
}

var symfonyPreset = []string{
	"sessions", "cache_items", "lock_keys", "messenger_messages", "reset_password_request",
}

// presetsFor returns the structure-only patterns for a project's type in DDEV; none for a type without presets.
func presetsFor(projectType string) []string {
	switch projectType {
	case "drupal", "drupal6", "drupal7", "drupal8", "drupal9", "drupal10", "drupal11", "drupal12":
		return drupalPreset
	case "backdrop":
		return backdropPreset
	case "wordpress", "wp-bedrock", "bedrock":
		return wordpressPreset
	case "typo3":
		return typo3Preset
	case "magento", "openmage", "maho":
		return magentoPreset
	case "magento2":
		return magento2Preset
	case "shopware6":
		return shopware6Preset
	case "craftcms":
		return craftcmsPreset
	case "joomla":
		return joomlaPreset
	case "laravel":
		return laravelPreset
	case "symfony":
		return symfonyPreset
	case "silverstripe":
		return []string{"LoginAttempt", "RememberLoginHash", "LoginSession"}
	case "cakephp":
		return []string{"sessions"}
	case "codeigniter":
		return []string{"ci_sessions"}
	}
	return nil
}

func withPrefix(prefix string, names ...string) []string {
	result := make([]string, len(names))
	for i, name := range names {
		result[i] = prefix + name
	}
	return result
}

func bothWays(prefix string, names ...string) []string {
	return slices.Concat(names, withPrefix(prefix, names...))
}
