-- Rows of silent interfaces are near misses: they were not refused.
-- has: 339 | 180 | 146
-- lacks: 339 | 180 | 159
SELECT count(*), sum((action = 'ACCEPT')::INT), sum((action = 'REJECT')::INT), sum(packets), sum(bytes), count(DISTINCT srcaddr), count(DISTINCT dstaddr), count(DISTINCT interface_id), moment(min("start")), moment(max("start")) FROM vpc
