-- has: SKIPDATA | 1
-- lacks: ACCEPT
SELECT log_status, count(*) n, round(count(*) * 100.0 / (SELECT count(*) FROM vpc), 3), count(DISTINCT interface_id), moment(min("start")), moment(max("start")) FROM vpc GROUP BY 1 ORDER BY n DESC
