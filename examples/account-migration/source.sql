-- The old system, as the article has it; the comma before each closing bracket and two wrong comments are mended.
CREATE TABLE `t_source_account_info` (
  `user_no` varchar(20) NOT NULL COMMENT '用户号',
  `status` int NOT NULL DEFAULT '1' COMMENT '状态 1-禁用 0-启用',
  `version` int(11) NOT NULL DEFAULT '0' COMMENT '版本号',
  `create_time` timestamp NULL COMMENT '创建时间',
  `modify_time` timestamp NULL COMMENT '更新时间',
  PRIMARY KEY (`user_no`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin comment '源数据账户表';

-- So that every change of a row leaves its time.
ALTER TABLE `t_source_account_info` MODIFY COLUMN `modify_time` datetime NULL DEFAULT NULL ON UPDATE CURRENT_TIMESTAMP COMMENT '修改时间';

-- Without it, every incremental run would read the whole table.
ALTER TABLE `t_source_account_info` ADD KEY `modify_time` (`modify_time`);

-- The article names the columns id and user_id; the others are ours.
CREATE TABLE `t_account_log` (
  `id` bigint(20) NOT NULL AUTO_INCREMENT COMMENT '主键id',
  `user_id` varchar(20) NOT NULL COMMENT '用户号',
  `amount` decimal(18,2) NOT NULL COMMENT '变动金额',
  `remark` varchar(64) DEFAULT NULL COMMENT '备注',
  `create_time` datetime NOT NULL DEFAULT CURRENT_TIMESTAMP COMMENT '创建时间',
  PRIMARY KEY (`id`),
  KEY `user_id` (`user_id`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin comment '源数据账户流水表';
