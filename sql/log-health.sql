-- title: Log health
-- meaning: records by status: OK, NODATA (nothing flowed), SKIPDATA (AWS lost records); and what share they are
-- theme: logs
-- fields: log_status, start
-- optional: interface_id
WITH of_interface AS (
    SELECT coalesce(log_status, 'none') AS log_status,
           interface_id,
           count(*)                     AS records,
           min(start_time)              AS first,
           max(start_time)              AS last
    FROM flow_logs
    GROUP BY coalesce(log_status, 'none'), interface_id
)
SELECT log_status,
       sum(records)                                           AS records,
       round(100.0 * sum(records) / sum(sum(records)) OVER (), 3) AS percent,
       count(interface_id)                                    AS interfaces,
       min(first)                                             AS first,
       max(last)                                              AS last
FROM of_interface
GROUP BY log_status
ORDER BY records DESC, log_status
