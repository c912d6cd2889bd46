package project

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/jobiqo/dump-refresh/helper/internal/mask"
	"github.com/jobiqo/dump-refresh/helper/internal/mask/rules"
	"github.com/jobiqo/dump-refresh/helper/internal/rowfilter"
	"github.com/jobiqo/dump-refresh/helper/internal/wildcard"
)

func TestRules(t *testing.T) {
	for name, test := range map[string]struct {
		projectType, rules string
		want               Rules
	}{
		"presets":     {"codeigniter", "", Rules{StructureOnly: []string{"ci_sessions"}}},
		"no presets":  {"php", "", Rules{}},
		"added":       {"codeigniter", "structure_only: [audit_*, ci_sessions]\nexclude:\n- tmp_?\n", Rules{StructureOnly: []string{"ci_sessions", "audit_*"}, Exclude: []string{"tmp_?"}}},
		"turned off":  {"drupal7", "structure_only: [watchdog]\npresets: false\n", Rules{StructureOnly: []string{"watchdog"}}},
		"taken back":  {"cakephp", "structure_only: ['!sessions', cache]\n", Rules{StructureOnly: []string{"cache"}}},
		"unquoted":    {"cakephp", "structure_only:\n- !sessions\n", Rules{StructureOnly: []string{}}},
		"empty lists": {"cakephp", "structure_only:\nexclude: []\npresets: true\n", Rules{StructureOnly: []string{"sessions"}}},
		"columns": {"php", `columns:
  users.mail: email
  users.gone: null
  "field_*.*_value": {mask: json, paths: {user.mail: {mask: email, domain: x.yz}, "**": text}}
  meta.value:
  - {mask: name, locale: de, when: {key: [first_name, "*_nick"]}}
  - {mask: date, days: 7, when: {key: born}}
`, Rules{Columns: []rules.Rule{
			{Column: "users.mail", Spec: mask.Spec{Name: "email"}, Origin: ".ddev/dump-refresh/rules.yaml:2"},
			{Column: "users.gone", Spec: mask.Spec{Name: "null"}, Origin: ".ddev/dump-refresh/rules.yaml:3"},
			{Column: "field_*.*_value", Spec: mask.Spec{Name: "json", Paths: []mask.Path{{Keys: "user.mail", Spec: mask.Spec{Name: "email", Domain: "x.yz"}},
				{Keys: "**", Spec: mask.Spec{Name: "text"}}}}, Origin: ".ddev/dump-refresh/rules.yaml:4"},
			{Column: "meta.value", Spec: mask.Spec{Name: "name", Locale: "de"}, When: &rules.When{Column: "key", Values: []string{"first_name", "*_nick"}},
				Origin: ".ddev/dump-refresh/rules.yaml:6"},
			{Column: "meta.value", Spec: mask.Spec{Name: "date", Days: 7}, When: &rules.When{Column: "key", Values: []string{"born"}}, Origin: ".ddev/dump-refresh/rules.yaml:7"},
		}}},
		"rows": {"php", "where:\n  log: day > NOW() - INTERVAL 30 DAY\nlimit:\n  \"*_history\": 500\n", Rules{Rows: []rowfilter.Rule{
			{Table: "log", Where: "day > NOW() - INTERVAL 30 DAY", Origin: ".ddev/dump-refresh/rules.yaml:2"},
			{Table: "*_history", Limit: 500, Origin: ".ddev/dump-refresh/rules.yaml:4"},
		}}},
		"accepted": {"php", "ignore:\n  news.body: names our press contact\n  \"*.author\": 'public'\n", Rules{Accepted: []rules.Accepted{
			{Column: "news.body", Reason: "names our press contact"}, {Column: "*.author", Reason: "public"},
		}}},
	} {
		t.Run(name, func(t *testing.T) {
			p := load(t, Options{Dir: write(t, map[string]string{"config.yaml": "type: " + test.projectType, "dump-refresh/rules.yaml": test.rules})})
			if diff := cmp.Diff(test.want, p.Rules); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestRuleProblems(t *testing.T) {
	for name, test := range map[string]struct {
		rules string
		kind  error
		want  string
	}{
		"unknown key": {"\nstructure-only: [a]\n", ErrUnknownName,
			".ddev/dump-refresh/rules.yaml:2: structure-only: unknown key, did you mean structure_only?"},
		"no list": {"exclude: watchdog\n", ErrInvalidValue,
			".ddev/dump-refresh/rules.yaml:1: exclude: must be a list of table names, in which * stands for any text and ? for any character"},
		"no name":       {"exclude:\n- a\n- b c\n", ErrInvalidValue, ".ddev/dump-refresh/rules.yaml:3: exclude: an entry must be a table's name, in quotes if it has spaces or quotes of its own"},
		"tag with text": {"exclude:\n- !b c\n", ErrInvalidValue, ".ddev/dump-refresh/rules.yaml:2: exclude: an entry must be a table's name, in quotes if it has spaces or quotes of its own"},
		"no switch":     {"presets: none\n", ErrInvalidValue, ".ddev/dump-refresh/rules.yaml:1: presets: must be true or false"},
		"nothing to take back": {"structure_only: ['!node']\n", ErrInvalidValue,
			".ddev/dump-refresh/rules.yaml:1: structure_only: !node removes an entry that is not in the list"},
		"part of a pattern": {"structure_only: ['!cache_form']\n", ErrInvalidValue,
			".ddev/dump-refresh/rules.yaml:1: structure_only: !cache_form removes an entry that is not in the list; cache_* covers the table: remove that entry, and list the other tables that it covers"},
		"no mapping of columns": {"columns: [a.b]\n", ErrInvalidValue, ".ddev/dump-refresh/rules.yaml:1: columns: must be a mapping of table.column to a masker"},
		"no column": {"columns:\n  users: email\n", ErrInvalidValue,
			".ddev/dump-refresh/rules.yaml:2: columns: users must be table.column, in which * stands for any text and ? for any character"},
		"no masker":           {"columns:\n  a.b: emial\n", ErrInvalidValue, ".ddev/dump-refresh/rules.yaml:2: columns: a.b: there is no masker emial, did you mean email?"},
		"no name of a masker": {"columns:\n  a.b: {days: 3}\n", ErrInvalidValue, ".ddev/dump-refresh/rules.yaml:2: columns: a.b: mask is missing: the masker's name"},
		"no option": {"columns:\n  a.b: {mask: name, local: de}\n", ErrInvalidValue,
			".ddev/dump-refresh/rules.yaml:2: columns: a.b: unknown option local, did you mean locale?"},
		"no days": {"columns:\n  a.b:\n  - {mask: date, days: few}\n", ErrInvalidValue, ".ddev/dump-refresh/rules.yaml:3: columns: a.b: days must be a number of days"},
		"no condition": {"columns:\n  a.b: {mask: text, when: c}\n", ErrInvalidValue,
			".ddev/dump-refresh/rules.yaml:2: columns: a.b: when must be a mapping of one column to a value, or to a list of values"},
		"no mapping of conditions": {"where: [a]\n", ErrInvalidValue, ".ddev/dump-refresh/rules.yaml:1: where: must be a mapping of tables to SQL conditions"},
		"no mapping of limits":     {"limit: 5\n", ErrInvalidValue, ".ddev/dump-refresh/rules.yaml:1: limit: must be a mapping of tables to numbers of rows"},
		"no condition of rows":     {"where:\n  a:\n", ErrInvalidValue, ".ddev/dump-refresh/rules.yaml:2: where: a: must be an SQL condition"},
		"no rows":                  {"limit:\n  a: 0\n", ErrInvalidValue, ".ddev/dump-refresh/rules.yaml:2: limit: a: must be a number of rows; structure_only leaves out all rows"},
		"no mapping of reasons":    {"ignore: [a.b]\n", ErrInvalidValue, ".ddev/dump-refresh/rules.yaml:1: ignore: must be a mapping of table.column to a reason"},
		"no reason":                {"ignore:\n  a.b:\n", ErrInvalidValue, ".ddev/dump-refresh/rules.yaml:2: ignore: a.b: the reason is missing"},
		"nothing accepted": {"ignore:\n  users: public\n", ErrInvalidValue,
			".ddev/dump-refresh/rules.yaml:2: ignore: users must be table.column, in which * stands for any text and ? for any character"},
		"no YAML": {"exclude: [a\n", ErrSyntax, ".ddev/dump-refresh/rules.yaml:1: not valid YAML: did not find expected ',' or ']'"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := Load(t.Context(), Options{Dir: write(t, map[string]string{"config.yaml": "type: drupal10", "dump-refresh/rules.yaml": test.rules})})
			if err == nil || err.Error() != test.want || !errors.Is(err, test.kind) {
				t.Errorf("got  %v\nwant %s", err, test.want)
			}
		})
	}
}

// Presets must mean what is worth nothing elsewhere, and leave alone what somebody made or configured.
func TestPresets(t *testing.T) {
	for projectType, tables := range map[string]struct{ empty, whole string }{
		"drupal7": {"cache cache_form cache_views_data ctools_object_cache sessions watchdog flood semaphore queue accesslog",
			"cachet_content node users field_data_body menu_router registry search_index search_api_index url_alias conference_sessions variable"},
		"drupal11": {"cache_render cache_dynamic_page_cache cachetags key_value_expire batch history",
			"key_value config router node__field_cache paragraphs_item users_field_data search_api_task conference__sessions taxonomy_index"},
		"backdrop":  {"cache cache_bootstrap tempstore watchdog", "node state url_alias search_index"},
		"wordpress": {"wp_actionscheduler_logs shop_2_woocommerce_sessions wp_wfHits wp_stream", "wp_posts wp_options wp_usermeta wp_video_stream wp_actionscheduler_actions wp_redirection_items wp_yoast_indexable"},
		"typo3":     {"cache_pages cf_extbase_object be_sessions sys_log", "pages tt_content sys_refindex sys_file index_phash tx_scheduler_task"},
		"magento":   {"core_session log_visitor report_viewed_product_index", "log_summary_type report_event_types sales_flat_order core_config_data"},
		"magento2":  {"cache_tag session queue_message report_event", "queue catalog_product_entity_cl mview_state search_query quote customer_entity oauth_token report_event_types"},
		"shopware6": {"cart log_entry version_commit_data", "customer order product_keyword_dictionary scheduled_task"},
		"craftcms":  {"cache craft_sessions templatecaches queue", "craft_searchindex elements entries changedattributes"},
		"joomla":    {"x7ab3_session jos_user_keys", "x7ab3_content x7ab3_finder_terms x7ab3_redirect_links jos_action_logs_extensions"},
		"laravel":   {"sessions cache_locks telescope_entries", "jobs users migrations telescope_monitoring"},
		"symfony":   {"messenger_messages", "doctrine_migration_versions ext_log_entries"},
	} {
		p := load(t, Options{Dir: write(t, map[string]string{"config.yaml": "type: " + projectType})})
		meant := func(table string) bool {
			return wildcard.MatchAny(p.Rules.StructureOnly, table)
		}
		for _, table := range strings.Fields(tables.empty) {
			if !meant(table) {
				t.Errorf("%s: %s comes with its rows", projectType, table)
			}
		}
		for _, table := range strings.Fields(tables.whole) {
			if meant(table) {
				t.Errorf("%s: %s comes without its rows", projectType, table)
			}
		}
		if sorted := slices.Sorted(slices.Values(p.Rules.StructureOnly)); len(slices.Compact(sorted)) != len(p.Rules.StructureOnly) {
			t.Errorf("%s: a preset is listed twice", projectType)
		}
	}
}

// One project's rules must not leak into the next: the fleet loads many in one process.
func TestPresetsAreNotChangedByRules(t *testing.T) {
	before := slices.Clone(drupalPreset)
	load(t, Options{Dir: write(t, map[string]string{"config.yaml": "type: drupal", "dump-refresh/rules.yaml": "structure_only: ['!cache', x]"})})
	if diff := cmp.Diff(before, drupalPreset); diff != "" {
		t.Error(diff)
	}
}
