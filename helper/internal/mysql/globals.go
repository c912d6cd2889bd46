package mysql

// A GlobalSetting is one of a whole server, of which no session can have a value of its own.
type GlobalSetting struct {
	Name string
	// Fine is the value at which it is not to blame, as the server gives it; Needs is what to set it to.
	Fine, Needs string
}

var dynamicRows = GlobalSetting{"innodb_default_row_format", "dynamic", "dynamic"}

// globalSettings are those by which a server refuses what another one takes, by the number of the error, which does not name them.
var globalSettings = map[uint16]GlobalSetting{
	errnoKeyTooLong:       dynamicRows,
	errnoRowTooLong:       dynamicRows,
	errnoColumnKeyTooLong: dynamicRows,
	errnoTableReadOnly:    {"innodb_read_only_compressed", "0", "OFF"}, // of compressed tables, in MariaDB 10.6
	errnoNeedsPrimaryKey:  {"innodb_force_primary_key", "0", "OFF"},
	ErrnoUnsafeRoutine:    {"log_bin_trust_function_creators", "1", "ON"},
	ErrnoUnsafeDefiner:    {"log_bin_trust_function_creators", "1", "ON"},
	errnoEngineDisabled:   {"disabled_storage_engines", "", "''"},
	ErrnoTooManyPrepared:  {"max_prepared_stmt_count", "16382", "16382"},
}

// SettingBehind returns the setting of the server that may be to blame for an error.
func SettingBehind(err error) (GlobalSetting, bool) {
	setting, known := globalSettings[Errno(err)]
	return setting, known
}
