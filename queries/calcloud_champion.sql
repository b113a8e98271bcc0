-- The model that plans Hubble jobs: the newest champion of the runs with a tag.
-- given: tag
-- gives: path, filetype
select d.path, d.filetype
  from desfile d, file_archive_info f, proctag t
 where d.filetype = 'cal_champion'
   and f.desfile_id = d.id
   and t.pfw_attempt_id = d.pfw_attempt_id
   and t.tag = :tag
 order by d.id desc
 limit 1
