// The tender's executable file, as bytes.
.section .rodata
.global candor_tender_begin
.global candor_tender_end
.balign 8
candor_tender_begin:
  .incbin CANDOR_TENDER_FILE
candor_tender_end:
.section .note.GNU-stack,"",@progbits
