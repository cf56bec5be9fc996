-- Accounts change: what has a newer modify_time is read again and written over what is there.
INSERT INTO task_def_sync_manager (id, from_app, from_db_type, from_db, from_table, to_app, to_db_type, to_db, to_table,
                                   task_desc, online_status, create_time, update_time, params)
VALUES (1, 'old', 'mysql', 'pay', 't_source_account_info', 'new', 'mysql', 'pay', 't_target_account_info_{0..15}',
        '账户: 变动更新', 1, NOW(), NOW(), '{
  "mode": "increment",
  "pk": { "src": "user_no", "dest": "user_no" },
  "diff_column": { "src": "modify_time", "dest": "modify_time" },
  "columns": [
    { "from": "user_no", "to": "id", "id": { "type": "snowflake", "map": { "table": "account_id_map" } } },
    { "from": "user_no", "to": "public_id", "id": { "type": "uuidv7", "map": { "table": "account_public_id_map" } } },
    { "from": "user_no", "to": "account_number", "id": { "type": "sequence", "map": { "table": "account_number_map" } } },
    "user_no",
    { "to": "source", "value": "old" },
    { "from": "status", "to": "status", "map": { "1": "0", "0": "1" } },
    { "to": "creator", "value": "rowshift" },
    { "from": "create_time", "default": "1970-01-01 00:00:00" },
    { "from": "modify_time", "default": "1970-01-01 00:00:00" }
  ],
  "shard": { "by": ["user_no"], "hash": "crc32" }
}');

-- Log rows are only added: those above the last id are read, and get the new ids of their accounts.
INSERT INTO task_def_sync_manager (id, from_app, from_db_type, from_db, from_table, to_app, to_db_type, to_db, to_table,
                                   task_desc, online_status, create_time, update_time, params)
VALUES (2, 'old', 'mysql', 'pay', 't_account_log', 'new', 'mysql', 'pay', 't_account_log',
        '流水: 增量更新', 1, NOW(), NOW(), '{
  "mode": "append",
  "pk": { "src": "id", "dest": "id" },
  "columns": [
    "id",
    { "from": "user_id", "to": "account_id",
      "lookup": { "in": "target", "table": "account_id_map", "key": "old_id", "value": "new_id", "missing": "error" } },
    { "from": "user_id", "to": "account_public_id",
      "lookup": { "in": "target", "table": "account_public_id_map", "key": "old_id", "value": "new_id" } },
    { "from": "user_id", "to": "account_number",
      "lookup": { "in": "target", "table": "account_number_map", "key": "old_id", "value": "new_id" } },
    "amount",
    "remark",
    "create_time"
  ]
}');
