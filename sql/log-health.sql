-- title: Log health
-- meaning: records by status: OK, NODATA (nothing flowed), SKIPDATA (AWS lost records); and what share they are
-- fields: log_status, start
-- optional: interface_id
SELECT coalesce(log_status, 'none')                               AS log_status,
       count(*)                                                   AS records,
       round(100.0 * count(*) / sum(count(*)) OVER (), 3)         AS percent,
       count(DISTINCT interface_id)                               AS interfaces,
       min(start_time)                                            AS first,
       max(start_time)                                            AS last
FROM flow_logs
GROUP BY coalesce(log_status, 'none')
ORDER BY records DESC, log_status
