-- The new system. The article's target table, made once as a pattern for its sixteen shards.
CREATE TABLE `t_target_account_info` (
  `id` bigint(20) NOT NULL COMMENT '主键id',
  `user_no` varchar(20) NOT NULL COMMENT '账户编号',
  `source` varchar(32) NOT NULL COMMENT '来源',
  `status` tinyint(4) NOT NULL DEFAULT '1' COMMENT '状态 0-禁用 1-启用',
  `creator` varchar(32) CHARACTER SET utf8 NOT NULL COMMENT '创建者',
  `create_time` datetime(6) NOT NULL DEFAULT CURRENT_TIMESTAMP(6) COMMENT '创建时间',
  `modify_time` datetime(6) NOT NULL DEFAULT CURRENT_TIMESTAMP(6) ON UPDATE CURRENT_TIMESTAMP(6) COMMENT '更新时间',
  PRIMARY KEY (`id`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin comment '目标数据账户表';

-- The old number says which account a row is, so that a second run finds it again.
ALTER TABLE `t_target_account_info` ADD UNIQUE KEY `user_no` (`user_no`);

-- Ours too: besides the id that tables are joined by, one that may be shown to others and one that people can say.
ALTER TABLE `t_target_account_info`
  ADD COLUMN `public_id` binary(16) NOT NULL COMMENT '公开id (UUIDv7)' AFTER `id`,
  ADD COLUMN `account_number` int NOT NULL COMMENT '账户序号' AFTER `public_id`,
  ADD UNIQUE KEY `public_id` (`public_id`),
  ADD UNIQUE KEY `account_number` (`account_number`);

CREATE TABLE `t_target_account_info_0` LIKE `t_target_account_info`;
CREATE TABLE `t_target_account_info_1` LIKE `t_target_account_info`;
CREATE TABLE `t_target_account_info_2` LIKE `t_target_account_info`;
CREATE TABLE `t_target_account_info_3` LIKE `t_target_account_info`;
CREATE TABLE `t_target_account_info_4` LIKE `t_target_account_info`;
CREATE TABLE `t_target_account_info_5` LIKE `t_target_account_info`;
CREATE TABLE `t_target_account_info_6` LIKE `t_target_account_info`;
CREATE TABLE `t_target_account_info_7` LIKE `t_target_account_info`;
CREATE TABLE `t_target_account_info_8` LIKE `t_target_account_info`;
CREATE TABLE `t_target_account_info_9` LIKE `t_target_account_info`;
CREATE TABLE `t_target_account_info_10` LIKE `t_target_account_info`;
CREATE TABLE `t_target_account_info_11` LIKE `t_target_account_info`;
CREATE TABLE `t_target_account_info_12` LIKE `t_target_account_info`;
CREATE TABLE `t_target_account_info_13` LIKE `t_target_account_info`;
CREATE TABLE `t_target_account_info_14` LIKE `t_target_account_info`;
CREATE TABLE `t_target_account_info_15` LIKE `t_target_account_info`;

CREATE TABLE `t_account_log` (
  `id` bigint(20) NOT NULL COMMENT '主键id',
  `account_id` bigint(20) NOT NULL COMMENT '账户主键id',
  `account_public_id` binary(16) NOT NULL COMMENT '账户公开id',
  `account_number` int NOT NULL COMMENT '账户序号',
  `amount` decimal(18,2) NOT NULL COMMENT '变动金额',
  `remark` varchar(64) DEFAULT NULL COMMENT '备注',
  `create_time` datetime(6) NOT NULL COMMENT '创建时间',
  PRIMARY KEY (`id`),
  KEY `account_id` (`account_id`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin comment '目标数据账户流水表';
